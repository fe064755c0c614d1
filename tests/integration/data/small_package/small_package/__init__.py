"""The size of its models."""

SIZE = 4
