"""What was measured of one server, round by round."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bench.spread import Spread

if TYPE_CHECKING:
    from bench.servers import Server
    from bench.wrk import Load


BUSY = 0.9
"""A server that had less than this share of its core was not what limited the figure."""


@dataclass(slots=True)
class Series:
    """One entry for each round.

    `cpu_us` is what one request cost the server, `user_us` its part outside the kernel, whose own
    part grows as a server gets slower: wrk then sleeps between answers, and waking it costs.
    `busy` is the share of its core that the server had.
    """

    server: Server
    loads: list[Load] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    user_us: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    problems: set[str] = field(default_factory=set)
    loaded_mib: float = 0.0

    def forget(self) -> None:
        """Start again, but remember what was wrong."""
        for values in (self.loads, self.cpu_us, self.user_us, self.busy):
            values.clear()

    def rates(self) -> list[float]:
        """Requests per second."""
        return [run.requests_per_second for run in self.loads]

    def ratio_to(self, other: Series) -> Spread:
        """How much faster this one was."""
        return Spread.of_ratios(self.rates(), other.rates())

    def cpu_ratio_to(self, other: Series) -> Spread:
        """How much less CPU time this one took: what the ratio would be on a quiet machine."""
        return Spread.of_ratios(other.cpu_us, self.cpu_us)

    @property
    def is_disturbed(self) -> bool:
        """Whether something else than the server limited the figure."""
        return Spread.of(self.busy).median < BUSY

    @property
    def flaw(self) -> str:
        """Why the figures mean nothing, empty where they do mean something."""
        if self.problems:
            return "INVALID"
        return "DISTURBED" if self.is_disturbed else ""

    def to_dict(self, bare: Series) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "name": self.server.name,
            "requests_per_second": asdict(Spread.of(self.rates())),
            "ratio_to_bare": asdict(self.ratio_to(bare)),
            "cpu_ratio_to_bare": asdict(self.cpu_ratio_to(bare)),
            "p50_ms": asdict(Spread.of(run.p50_ms for run in self.loads)),
            "p99_ms": asdict(Spread.of(run.p99_ms for run in self.loads)),
            "cpu_us_per_request": asdict(Spread.of(self.cpu_us)),
            "user_cpu_us_per_request": asdict(Spread.of(self.user_us)),
            "share_of_core": asdict(Spread.of(self.busy)),
            "idle_mib": self.server.idle_mib,
            "loaded_mib": self.loaded_mib,
            "flaw": self.flaw,
            "problems": sorted(self.problems),
            "rounds": [asdict(run) for run in self.loads],
        }
