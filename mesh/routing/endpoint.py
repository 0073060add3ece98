"""Where calls of one binding lead when the callee is in another process."""

from __future__ import annotations

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """A cell that runs the callee, as the mesh knows it."""

    id: str
    agent: str
    cell: str
    """The cell's name, `group/number`."""
    address: str
    """`HOST:PORT`, or `unix:PATH` on the same host."""
    is_stale: bool = False
    """Nobody has vouched for it lately: tried after the others."""


class RemoteTarget(msgspec.Struct, frozen=True):
    """What a binding leads to, at one revision of the mesh."""

    binding: str
    """The binding's id, which the callee's side has too."""
    service: str
    """The service as people wrote it, for messages."""
    worker: str
    """The worker behind it, `name` or `name@environment`."""
    endpoints: tuple[Endpoint, ...]
    """In no order; empty where nobody runs the worker."""
    revision: int
    """The revision of the caller's view."""
