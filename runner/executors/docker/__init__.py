"""Images and containers of one engine."""
