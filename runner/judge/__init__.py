"""The judgement of cells: outcome, cause and verdict of each, and the controls. Pure."""
