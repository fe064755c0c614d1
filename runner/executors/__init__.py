"""Where environments are built and batches run: a registry, and a folder for each."""
