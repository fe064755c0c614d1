"""The answer of `check`, for a terminal and as a page."""
