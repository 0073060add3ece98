"""What was measured of one subject, round by round, and the rounds of several."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bench.progress import tell
from bench.remote.pairs import QUIET
from bench.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.remote.pairs import Measured, Pair


@dataclass(slots=True)
class Subject:
    """One order to one pair, given once in each round. `figure` names the figure that matters."""

    title: str
    pair: Pair
    order: dict[str, Any]
    figure: str
    rounds: list[Measured] = field(default_factory=list)

    def values(self, figure: str = "") -> list[float]:
        """A figure of the caller, one for each round."""
        return [measured.figures[figure or self.figure] for measured in self.rounds]

    def spread(self, figure: str = "") -> Spread:
        """The same, summed up."""
        return Spread.of(self.values(figure))

    def ratio_to(self, other: Subject) -> Spread:
        """The figure that matters, divided by that of `other` in the same round."""
        return Spread.of_ratios(self.values(), other.values())

    def cpu_us(self, figure: str) -> tuple[Spread, Spread]:
        """CPU of caller and callee for each unit of `figure`, in µs."""
        first, second = (
            Spread.of(
                measured.cpu_seconds[side] / measured.figures[figure] * 1e6
                for measured in self.rounds
            )
            for side in (0, 1)
        )
        return first, second

    @property
    def growth_mib(self) -> tuple[Spread, Spread]:
        """How much the memory of caller and callee grew, at its peak."""
        first, second = (
            Spread.of(measured.growth_mib[side] for measured in self.rounds) for side in (0, 1)
        )
        return first, second

    @property
    def flaw(self) -> str:
        """Why the figures mean little, empty where nothing disturbed them."""
        others = Spread.of(measured.others for measured in self.rounds).median
        return f"DISTURBED ({others:.0%} of a core)" if others > QUIET else ""

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "title": self.title,
            "order": self.order,
            "flaw": self.flaw,
            "rounds": [asdict(measured) for measured in self.rounds],
        }


def run_rounds(
    what: str,
    subjects: Sequence[Subject],
    rounds: int,
    show: Callable[[Subject], str],
    *,
    patient: bool,
) -> None:
    """Measure every subject in each round, every other round backwards."""
    for index in range(rounds):
        for subject in subjects if index % 2 == 0 else reversed(subjects):
            subject.rounds.append(subject.pair.measure(patient=patient, **subject.order))
        tell(f"{what}: round {index + 1} of {rounds}: " + ", ".join(map(show, subjects)))


def flaw_of(*subjects: Subject) -> str:
    """The first flaw of any of them."""
    return next((subject.flaw for subject in subjects if subject.flaw), "")


def notes_on(subjects: Sequence[Subject]) -> list[str]:
    """Which of them were disturbed."""
    return [f"{subject.title}: {subject.flaw}" for subject in subjects if subject.flaw]
