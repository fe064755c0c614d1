"""This machine: processes, and what a person sees while a run is at work."""
