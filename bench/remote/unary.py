"""The gRPC method to compare with: the same envelope in one unary call."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE = "bench.Unary"
METHOD = "Fetch"


def flat(fields: Mapping[str, str]) -> list[bytes]:
    """Names and values in turn, as in an envelope."""
    return [text.encode() for text in chain.from_iterable(fields.items())]
