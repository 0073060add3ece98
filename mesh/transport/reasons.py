"""What gRPC says of a connection that failed, in fewer words."""

from __future__ import annotations

from typing import Final

_NO_CONNECTION: Final = ("failed to connect to all addresses", "errors resolving ")
"""How gRPC begins its own texts; what stands last in them says why."""


def is_no_connection(details: str) -> bool:
    """Whether `details` say that nobody was reached."""
    return details.startswith(_NO_CONNECTION)


def short_reason(details: str) -> str:
    """`details` without gRPC's list of what it tried: "Connection refused"."""
    return details.rpartition(": ")[2].rstrip("]") if is_no_connection(details) else details
