"""Our link, as a cell takes calls: a loaded worker behind the admission of its bindings."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.admission import Admission
from agent.background import Background
from agent.bindings import CellBindings
from agent.outbound import OutboundChannel
from agent.peer import PeerServer
from agent.wiring import load_workers
from bench.remote.certificates import HOST, Certificates
from bench.remote.link import CALLEE, CALLER, CELL, ENTRYPOINTS, REVISION, binding_id
from mesh.routing.table import RoutingTable
from mesh.v1 import cell_pb2, control_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_WORKER = Path(__file__).resolve().parents[1] / "samples" / "remote.py"


@asynccontextmanager
async def listening(directory: Path) -> AsyncIterator[dict[str, str]]:
    """Listen on TCP, a Unix socket and TLS. Gives the addresses by these names."""
    start = _start()
    table = RoutingTable.from_view(start.view, start.agent)
    bindings = CellBindings(start.workers, table, None)
    hosts = load_workers(start, bindings, Background(1.0), OutboundChannel())
    server = PeerServer(Admission(hosts, table), agent="callee", cell=CELL)
    unix = f"unix:{directory / 'link.sock'}"
    port = server.listen(f"{HOST}:0")
    server.listen(unix)
    tls = server.listen(f"{HOST}:0", Certificates.issued().server_credentials())
    await server.start()
    try:
        yield {"tcp": f"{HOST}:{port}", "unix": unix, "tls": f"{HOST}:{tls}"}
    finally:
        await server.aclose()


def _start() -> cell_pb2.Start:
    grants = [
        control_pb2.Grant(
            id=binding_id(name), caller=CALLER, worker=CALLEE, entrypoint=name, props_json=b"{}"
        )
        for name in ENTRYPOINTS
    ]
    return cell_pb2.Start(
        cell=CELL,
        agent="callee",
        workers=[cell_pb2.Worker(id=CALLEE, main=str(_WORKER), source=str(_WORKER))],
        limits=cell_pb2.Limits(body_bytes=1 << 32, invocations=32, wait_until_seconds=1.0),
        view=cell_pb2.View(revision=REVISION, grants=grants),
    )
