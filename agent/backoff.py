"""How long to wait before trying again what has failed."""

from __future__ import annotations

import random


class Backoff:
    """Delays that double up to a longest one, each shortened at random by up to `spread` of it."""

    def __init__(self, first_seconds: float, last_seconds: float, *, spread: float = 0.2) -> None:
        self._spread = spread
        self._first_seconds = first_seconds
        self._last_seconds = last_seconds
        self._next_seconds = first_seconds

    def next_seconds(self) -> float:
        """The delay before the next try."""
        delay = self._next_seconds
        self._next_seconds = min(delay * 2, self._last_seconds)
        return delay * random.uniform(1 - self._spread, 1.0)  # noqa: S311 - no secret

    def reset(self) -> None:
        """Begin with the shortest delay again."""
        self._next_seconds = self._first_seconds
