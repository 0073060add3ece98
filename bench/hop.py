"""`hop`: what one binding call within a cell costs more than awaiting the callee's handler.

Both are measured in the same handler of a real worker, in batches that take turns: `env.NAME.fetch`
with everything that it does (invocation, context, hand-over of request and response), and the
callee's own `fetch` method on an instance that is there already. Making the requests is not timed.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import uvloop

from bench.hop_batches import CALLS, KINDS, load, measure
from bench.progress import tell
from bench.report import Goal, Section
from bench.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.hop_batches import Batch, Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """µs for one call. The spreads are over the rounds, of the median batch of each; the best are
    the fastest batches of all, which nothing disturbed."""

    hop: Spread
    direct: Spread
    more: Spread
    best_hop: float
    best_direct: float

    @classmethod
    def of(cls, rounds: list[list[Batch]]) -> Outcome:
        """Of the batches of each round."""
        batches = [batch for of_round in rounds for batch in of_round]
        return cls(
            hop=Spread.of(_median(b.hop for b in of_round) for of_round in rounds),
            direct=Spread.of(_median(b.direct for b in of_round) for of_round in rounds),
            more=Spread.of(_median(b.hop - b.direct for b in of_round) for of_round in rounds),
            best_hop=min(b.hop for b in batches),
            best_direct=min(b.direct for b in batches),
        )


def run(*, quick: bool) -> dict[str, Section]:
    """Load two workers into this process and measure, on one core."""
    rounds, batches = (5, 40) if quick else (9, 250)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        measured = uvloop.run(_measure_all(rounds, batches))
    finally:
        os.sched_setaffinity(0, cores)
    outcomes = {kind: Outcome.of(of_kind) for kind, of_kind in measured.items()}
    section = Section(
        title=f"hop: µs for one call; {rounds} rounds of {batches} batches of {CALLS} calls",
        header=["call", "hop", "direct", "best batches: hop - direct"],
        rows=[_row(kind, outcome) for kind, outcome in outcomes.items()],
        goals=[
            Goal(f"hop - direct: {kind.title}", outcome.more, " µs", 5, 2, at_least=False)
            for kind, outcome in outcomes.items()
        ],
        details={
            "us_per_call": {kind.title: asdict(outcome) for kind, outcome in outcomes.items()}
        },
    )
    return {"hop": section}


async def _measure_all(rounds: int, batches: int) -> dict[Kind, list[list[Batch]]]:
    hosts = load()
    measured: dict[Kind, list[list[Batch]]] = {kind: [] for kind in KINDS}
    for index in range(rounds):
        for kind, of_kind in measured.items():
            of_kind.append(await measure(hosts, kind, batches))
        more = _median(batch.hop - batch.direct for batch in measured[KINDS[0]][-1])
        tell(f"hop: round {index + 1} of {rounds}: {KINDS[0].title} {more:.2f} µs more")
    return measured


def _row(kind: Kind, outcome: Outcome) -> list[str]:
    best = outcome.best_hop - outcome.best_direct
    return [
        kind.title,
        outcome.hop.show(2),
        outcome.direct.show(2),
        f"{outcome.best_hop:.2f} - {outcome.best_direct:.2f} = {best:.2f}",
    ]


def _median(values: Iterable[float]) -> float:
    return Spread.of(values).median
