"""The mesh: configuration, routing, channels, control plane and command line.

Nothing here is imported by worker code; that is what `workers` is for.
"""
