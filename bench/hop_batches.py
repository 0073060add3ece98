"""The two loops that `hop` compares, run inside a handler of a real worker."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from agent.background import Background
from agent.bindings import CellBindings
from agent.host import Entrypoint
from agent.outbound import OutboundChannel
from agent.wiring import load_workers
from mesh.routing.table import RoutingTable
from mesh.v1 import cell_pb2, control_pb2
from workers import Request, Response
from workers.context import Call, Context, Tree, current

if TYPE_CHECKING:
    from agent.host import WorkerHost

CALLS = 200
"""Calls in a batch: long enough for the clock, short enough that some batch is undisturbed."""

_SAMPLES = Path(__file__).resolve().parent / "samples"
_UNLIMITED = 2**40


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to call. `entrypoint` is the callee's class whose `fetch` answers."""

    title: str
    entrypoint: str
    body: bytes | None = None

    def request(self) -> Request:
        """A new request; its body can be sent once."""
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
    """µs for one call, in two batches one after the other."""

    hop: float
    direct: float


def load() -> dict[str, WorkerHost]:
    """Load `caller` and `callee` as a cell does."""
    start = _start()
    bindings = CellBindings(start.workers, RoutingTable.from_view(start.view, start.agent), None)
    return load_workers(start, bindings, Background(1.0), OutboundChannel())


async def measure(hosts: dict[str, WorkerHost], kind: Kind, batches: int) -> list[Batch]:
    """Measure in a handler of `caller`, which is dispatched like any other."""
    measured: list[Batch] = []

    async def handler(context: Context, request: Request) -> Response:  # noqa: ARG001 - a Handler's shape
        current.set(context)
        env = context._runtime.env
        callee = _callee(hosts["callee"], kind)
        for index in range(batches):
            if index % 2:
                hop = await _time_hop(env, kind)
                direct = await _time_direct(callee, kind)
            else:
                direct = await _time_direct(callee, kind)
                hop = await _time_hop(env, kind)
            measured.append(Batch(hop, direct))
        return Response("")

    entrypoint = Entrypoint(hosts["caller"], "batches", handler)
    await entrypoint.dispatch(Request("http://caller/"), Call(Tree(_UNLIMITED)))
    return measured


def _callee(host: WorkerHost, kind: Kind) -> Any:
    """An instance of the callee's class, made as its host makes them."""
    entrypoint = getattr(sys.modules[f"{host.package}.callee"], kind.entrypoint)
    return entrypoint(Context(host, Call(Tree(_UNLIMITED))), host.env)


async def _time_hop(env: Any, kind: Kind) -> float:
    requests = [kind.request() for _ in range(CALLS)]
    binding = kind.entrypoint.upper()
    gc.collect(0)
    began = perf_counter_ns()
    for request in requests:
        await getattr(env, binding).fetch(request)
    return (perf_counter_ns() - began) / CALLS / 1e3


async def _time_direct(callee: Any, kind: Kind) -> float:
    requests = [kind.request() for _ in range(CALLS)]
    gc.collect(0)
    began = perf_counter_ns()
    for request in requests:
        await callee.fetch(request)
    return (perf_counter_ns() - began) / CALLS / 1e3


def _start() -> cell_pb2.Start:
    bindings = [
        control_pb2.Binding(
            caller="caller",
            name=kind.entrypoint.upper(),
            id=kind.entrypoint,
            target=control_pb2.Target(service="callee", entrypoint=kind.entrypoint),
            worker="callee",
            source=control_pb2.DECLARED,
        )
        for kind in KINDS
    ]
    workers = [
        cell_pb2.Worker(id=name, main=path, source=path)
        for name in ("callee", "caller")
        for path in [str(_SAMPLES / f"{name}.py")]
    ]
    return cell_pb2.Start(
        cell="bench/0",
        workers=workers,
        limits=cell_pb2.Limits(body_bytes=1 << 20, invocations=32, wait_until_seconds=1.0),
        view=cell_pb2.View(bindings=bindings),
    )
