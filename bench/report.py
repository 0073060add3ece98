"""What the benchmarks hand back, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.spread import Spread

_LIBRARIES = ("aiohttp", "grpcio", "msgspec", "multidict", "protobuf", "uvloop")


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and what it should be: the gate is what is promised, the stretch what is hoped for.

    `at_least` says that more is better. `flaw` says why the figure means nothing, if it does not.
    """

    what: str
    figure: Spread
    unit: str
    gate: float
    stretch: float
    at_least: bool
    flaw: str = ""

    @property
    def verdict(self) -> str:
        """Which of the two the median meets."""
        if self.flaw:
            return self.flaw
        if self._meets(self.stretch):
            return "stretch met"
        return "gate met" if self._meets(self.gate) else "MISSED"

    def _meets(self, bound: float) -> bool:
        median = self.figure.median
        return median >= bound if self.at_least else median <= bound

    def cells(self) -> list[str]:
        """The goal as a row of the table."""
        sign = "≥" if self.at_least else "≤"
        return [
            self.what,
            self.figure.show(2) + self.unit,
            f"{sign} {self.gate:g}{self.unit}",
            f"{sign} {self.stretch:g}{self.unit}",
            self.verdict,
        ]


@dataclass(frozen=True, slots=True)
class Section:
    """The outcome of one benchmark. `details` is what JSON shows beyond the goals."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    goals: Sequence[Goal]
    details: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def show(self) -> None:
        """Print it."""
        print(f"\n{self.title}\n")
        _print_table([self.header, *self.rows])
        print()
        _print_table(
            [["goal", "measured", "gate", "stretch", ""], *(goal.cells() for goal in self.goals)]
        )
        for note in self.notes:
            print(f"note: {note}")


def write_json(path: Path, sections: dict[str, Section], *, quick: bool) -> None:
    """Write everything to `path`, whose directory is made."""
    result = {
        "quick": quick,
        "environment": environment(),
        **{
            name: {
                "goals": [{**asdict(goal), "verdict": goal.verdict} for goal in section.goals],
                "notes": list(section.notes),
                **section.details,
            }
            for name, section in sections.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def environment() -> dict[str, Any]:
    """What the figures belong to."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        **{name: version(name) for name in _LIBRARIES},
    }


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *rest = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(["", first, *rest]).rstrip())
