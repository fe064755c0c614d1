"""The published folder: tables, run record, files put in place, and reading it back."""
