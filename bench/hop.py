"""`hop`: what one binding call within a cell costs more than awaiting the callee's handler.

Both are measured in the same handler of a real worker, in batches that take turns: `env.NAME.fetch`
with everything that it does (invocation, context, hand-over of request and response), and the
callee's own `fetch` method on an instance that is there already. Making the requests is not timed.
"""

from __future__ import annotations

import gc
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import uvloop

from agent.background import Background
from agent.host import Entrypoint
from agent.outbound import OutboundChannel
from agent.wiring import load_workers
from bench.progress import tell
from bench.report import Goal, Section
from bench.spread import Spread
from mesh.v1 import cell_pb2
from workers import Request, Response
from workers.context import Call, Context, Tree

if TYPE_CHECKING:
    from agent.host import WorkerHost

_SAMPLES = Path(__file__).resolve().parent / "samples"
_CALLS = 200
_UNLIMITED = 2**40


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to call. `entrypoint` of the callee has it for a handler."""

    title: str
    entrypoint: str
    body: bytes | None = None

    def request(self) -> Request:
        return Request(
            "http://callee/orders?limit=10",
            method="POST" if self.body else "GET",
            headers={"host": "callee", "accept": "*/*", "x-custom-token": "let-me-in"},
            body=self.body,
        )


KINDS = (
    Kind("GET", "Plain"),
    Kind("POST, 1 KiB of bytes, read", "Reading", b"x" * 1024),
    Kind("GET, handler suspends once", "Suspending"),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """µs for one call, in one batch of each."""

    hop: float
    direct: float


def run(*, quick: bool) -> Section:
    """Load two workers into this process and measure, on one core."""
    rounds, batches = (5, 50) if quick else (9, 250)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        measured = uvloop.run(_measure_all(rounds, batches))
    finally:
        os.sched_setaffinity(0, cores)
    rows, details, goals = [], [], []
    for kind, of_kind in measured.items():
        flat = [batch for batches_of_round in of_kind for batch in batches_of_round]
        hop, direct, more = (_over_rounds(of_kind, what) for what in ("hop", "direct", "more"))
        best_hop, best_direct = min(b.hop for b in flat), min(b.direct for b in flat)
        best = f"{best_hop:.2f} - {best_direct:.2f} = {best_hop - best_direct:.2f}"
        rows.append([kind.title, hop.show(2), direct.show(2), best])
        goals.append(Goal(f"hop, more than direct: {kind.title}", more, " µs", 5, 2, False))
        details.append(
            {
                "kind": kind.title,
                "hop_us": {**asdict(hop), "best_batch": best_hop},
                "direct_us": {**asdict(direct), "best_batch": best_direct},
                "more_us": {**asdict(more), "best_batches": best_hop - best_direct},
            }
        )
    return Section(
        title=f"hop: {rounds} rounds of {batches} batches of {_CALLS} calls; medians, µs",
        header=["call", "hop", "direct", "best batches"],
        rows=rows,
        goals=goals,
        details={"kinds": details},
    )


def _over_rounds(rounds: list[list[Batch]], what: str) -> Spread:
    def of(batch: Batch) -> float:
        return batch.hop - batch.direct if what == "more" else getattr(batch, what)

    return Spread.of(Spread.of(map(of, batches)).median for batches in rounds)


async def _measure_all(rounds: int, batches: int) -> dict[Kind, list[list[Batch]]]:
    hosts = load_workers(_start(), Background(1.0), OutboundChannel())
    measured: dict[Kind, list[list[Batch]]] = {kind: [] for kind in KINDS}
    for index in range(rounds):
        for kind in KINDS:
            measured[kind].append(await _measure(hosts, kind, batches))
        tell(f"hop: round {index + 1} of {rounds}")
    return measured


def _start() -> cell_pb2.Start:
    bindings = [
        cell_pb2.Binding(
            name=kind.entrypoint.upper(),
            service="callee",
            target="callee",
            entrypoint=kind.entrypoint,
            props_json=b"{}",
        )
        for kind in KINDS
    ]
    return cell_pb2.Start(
        cell="bench/0",
        workers=[
            cell_pb2.Worker(id="callee", main=str(_SAMPLES / "callee.py"), vars_json=b"{}"),
            cell_pb2.Worker(
                id="caller", main=str(_SAMPLES / "caller.py"), vars_json=b"{}", bindings=bindings
            ),
        ],
        limits=cell_pb2.Limits(body_bytes=1 << 20, invocations=32, wait_until_seconds=1.0),
    )
