"""The pages of the report, made from published data."""
