"""What is saved and what is expected of it: scenario modules and their declarations."""
