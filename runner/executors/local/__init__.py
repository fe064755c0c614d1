"""Virtual environments and processes of this machine."""
