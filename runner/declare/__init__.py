"""The declarations on disk, read into frozen types (stage 1)."""
