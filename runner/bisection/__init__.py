"""The search for the release, or the commit, at which a cell changes."""
