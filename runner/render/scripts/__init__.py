"""The data that the pages read in the browser."""
