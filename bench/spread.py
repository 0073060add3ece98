"""A quantity that was measured in several rounds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and the extremes."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of at least one value."""
        kept = list(values)
        return cls(statistics.median(kept), min(kept), max(kept))

    @classmethod
    def of_ratios(cls, above: Iterable[float], below: Iterable[float]) -> Spread:
        """Round by round, so that whatever slowed a whole round down cancels out."""
        return cls.of(a / b for a, b in zip(above, below, strict=True))

    def show(self, digits: int = 0) -> str:
        """`median (low to high)`."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"
