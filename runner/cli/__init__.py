"""The command line: what was asked, and what is said of it."""
