"""Workers under test: loaded from real files and bound to each other, without an edge.

The placement decides where callees run; a behaviour of a call is tested in all there are.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from enum import StrEnum
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import uvloop

from agent.background import Background
from agent.bindings import CellBindings
from agent.knowledge import Knowledge, cell_view, on_its_own
from agent.manifest import manifests
from agent.neighbours import Neighbours
from agent.outbound import OutboundChannel
from agent.plan import plan_cells
from agent.wiring import load_workers
from mesh.config import GroupConfig, Overrides, load_mesh
from mesh.routing.table import RoutingTable
from mesh.v1.control_pb2 import Endpoint
from workers import Request
from workers.context import Call, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from agent.host import WorkerHost
    from mesh.config import MeshConfig
    from mesh.v1.cell_pb2 import Start
    from workers import Response


class Placement(StrEnum):
    """Where the callees of a worker run."""

    SAME_CELL = "same cell"
    SECOND_CELL = "second cell"
    """Each worker in a cell of its own; links over Unix sockets."""
    SECOND_AGENT = "second agent"
    """Each worker on an agent of its own; links over TCP."""


placement: ContextVar[Placement] = ContextVar("placement", default=Placement.SAME_CELL)
"""The placement of the meshes that are opened; a fixture sets it."""


class MeshUnderTest:
    """A running mesh whose workers can be asked directly."""

    def __init__(self, background: Background) -> None:
        self.hosts: dict[str, WorkerHost] = {}
        self.background = background

    async def fetch(
        self,
        worker: str,
        url: str | Request = "http://test/",
        *,
        tree: Tree | None = None,
        **kw: Any,
    ) -> Response:
        """Ask a worker as the public edge would. Raises: CallError."""
        request = url if isinstance(url, Request) else Request(url, **kw)
        call = Call(Tree() if tree is None else tree)
        return await self.hosts[worker].entrypoints[""].dispatch(request, call)

    async def wait_text(self, worker: str, url: str, expected: str) -> None:
        """Ask until the answer is `expected`: over a link, what a caller does arrives later."""
        while (text := await self.text(worker, url)) != expected:
            assert placement.get() is not Placement.SAME_CELL, text
            await asyncio.sleep(0.005)

    async def text(self, worker: str, url: str | Request = "http://test/", **kw: Any) -> str:
        """The body of the answer."""
        return await (await self.fetch(worker, url, **kw)).text()


class CellUnderTest:
    """What `agent.cell.Cell` does between its messages, in this process."""

    def __init__(self, start: Start, knowledge: Knowledge, mesh: MeshUnderTest) -> None:
        self.start = start
        self._knowledge = knowledge
        self._mesh = mesh
        self._neighbours: Neighbours | None = None

    async def load(self, stack: AsyncExitStack, outbound: OutboundChannel) -> Endpoint:
        table = self._table([])
        channel = None
        if not self.start.is_alone:
            self._neighbours = await stack.enter_async_context(Neighbours(self.start))
            channel = self._neighbours.channel
        self._bindings = CellBindings(self.start.workers, table, channel)
        hosts = load_workers(self.start, self._bindings, self._mesh.background, outbound)
        self._mesh.hosts.update(hosts)
        address = f"unix:{self.start.peers.unix_path}"
        if self._neighbours is not None:
            self._neighbours.listen(hosts, table)
            if self._neighbours.port:
                address = f"127.0.0.1:{self._neighbours.port}"
        return Endpoint(
            id=self.start.cell, cell=self.start.cell, address=address, workers=list(hosts)
        )

    async def serve(self, endpoints: list[Endpoint]) -> None:
        table = self._table(endpoints)
        if self._neighbours is not None:
            self._neighbours.apply(table)
            await self._neighbours.serve()
        self._bindings.apply(table)

    def _table(self, endpoints: list[Endpoint]) -> RoutingTable:
        self.start.view.CopyFrom(cell_view(self._knowledge, self.start, endpoints))
        return RoutingTable.from_view(self.start.view, self.start.agent)


@asynccontextmanager
async def open_mesh(
    folder: Path, *, wait_until_seconds: float = 5.0
) -> AsyncIterator[MeshUnderTest]:
    """The workers of `folder`, all in this process."""
    loaded = load_mesh(
        [str(folder)], environ={"HOME": str(folder)}, cwd=folder, overrides=Overrides()
    )
    background = Background(wait_until_seconds)
    outbound = OutboundChannel()
    mesh = MeshUnderTest(background)
    knowledge = Knowledge()
    config = _placed(loaded.config)
    knowledge.patch(on_its_own(knowledge, manifests(config)))
    async with AsyncExitStack() as stack:
        run = stack.enter_context(TemporaryDirectory())
        cells = [
            CellUnderTest(_listening(start, run, number), knowledge, mesh)
            for number, start in enumerate(plan_cells(config, None))
        ]
        try:
            endpoints = [await cell.load(stack, outbound) for cell in cells]
            for cell in cells:
                await cell.serve(endpoints)
            yield mesh
        finally:
            await background.drain(1.0)
            await outbound.aclose()
            for host in mesh.hosts.values():
                host.close()


def _placed(config: MeshConfig) -> MeshConfig:
    """`config` with the groups of the present placement."""
    if placement.get() is Placement.SAME_CELL:
        return config
    groups = tuple(
        GroupConfig(name=f"g{number}", workers=(worker.id,))
        for number, worker in enumerate(config.workers)
    )
    return replace(config, groups=groups)


def _listening(start: Start, directory: str, number: int) -> Start:
    if not start.is_alone:
        start.peers.unix_path = f"{directory}/{number}.sock"
        if placement.get() is Placement.SECOND_AGENT:
            start.peers.host = "127.0.0.1"
    return start


def run_mesh(folder: Path, test: Callable[[MeshUnderTest], Awaitable[None]], **kw: Any) -> None:
    """Run `test` with the workers of `folder` on the event loop that cells use."""

    async def main() -> None:
        async with open_mesh(folder, **kw) as mesh, asyncio.timeout(20):
            await test(mesh)

    uvloop.run(main())
