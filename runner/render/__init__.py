"""Published data -> the pages of the report."""
