"""What travels between cells, and how failures are named; no I/O."""
