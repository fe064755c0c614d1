"""The claims: statements of the sources, held against the cells."""
