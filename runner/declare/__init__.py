"""Stage 1: the declarations on disk -> frozen types."""
