"""Workers under test: loaded from real files and bound to each other, without an edge.

The placement decides where callees run; a behaviour of a call is tested in all there are.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvloop

from agent.background import Background
from agent.outbound import OutboundChannel
from agent.plan import plan_cells
from agent.wiring import load_workers
from mesh.config import Overrides, load_mesh
from workers import Request
from workers.context import Call, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from agent.host import WorkerHost
    from workers import Response


class MeshUnderTest:
    """A running mesh whose workers can be asked directly."""

    def __init__(self, hosts: dict[str, WorkerHost], background: Background) -> None:
        self.hosts = hosts
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

    async def text(self, worker: str, url: str | Request = "http://test/", **kw: Any) -> str:
        """The body of the answer."""
        return await (await self.fetch(worker, url, **kw)).text()


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
    (start,) = plan_cells(loaded.config, None)
    mesh = MeshUnderTest(load_workers(start, background, outbound), background)
    try:
        yield mesh
    finally:
        await background.drain(1.0)
        await outbound.aclose()
        for host in mesh.hosts.values():
            host.close()


def run_mesh(folder: Path, test: Callable[[MeshUnderTest], Awaitable[None]], **kw: Any) -> None:
    """Run `test` with the workers of `folder` on the event loop that cells use."""

    async def main() -> None:
        async with open_mesh(folder, **kw) as mesh, asyncio.timeout(20):
            await test(mesh)

    uvloop.run(main())
