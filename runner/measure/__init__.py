"""Jobs, their digests, and the rounds in which they are measured and recorded."""
