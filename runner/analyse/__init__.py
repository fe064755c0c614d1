"""Over a published table: boundaries, advice, attribution, differences of runs, claims. Pure."""
