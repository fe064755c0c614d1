"""What the cells say of the statements of the sources."""
