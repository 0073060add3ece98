"""Channels: everything that answers a request."""
