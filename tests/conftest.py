"""Shared by all tests; unit tests need no framework and no network."""
