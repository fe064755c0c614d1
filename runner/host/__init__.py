"""This machine: processes, and the display of a run's progress."""
