"""What is known of a cell -> outcome, cause, verdict; and the controls. Pure."""
