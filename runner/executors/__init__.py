"""The executors, which build environments and run batches: a registry, and a folder for each."""
