"""Seeing what the mesh does: logs."""
