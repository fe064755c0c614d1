"""The analysis of a published table: boundaries, advice, attribution, differences, claims. Pure."""
