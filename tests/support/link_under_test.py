"""Two cells in one process, with a real link between them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvloop

from agent.peer import Admitted, PeerServer
from mesh.channel.links import Links
from mesh.channel.remote import RemoteChannel
from mesh.routing.endpoint import Endpoint, RemoteTarget
from workers import Request
from workers.body import ByteStream
from workers.context import Call, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mesh.channel.driver import Timing
    from mesh.v1 import link_pb2
    from workers import Response


class Admit:
    """Lets every exchange in, to one handler; or answers `verdict`."""

    def __init__(self, handler: Callable[[Request, Call], Awaitable[Response]]) -> None:
        self.handler = handler
        self.verdict: Any = None
        self.opened: list[link_pb2.Open] = []
        self.waited: list[int] = []

    def admit(self, head: link_pb2.Open, /) -> Any:
        self.opened.append(head)
        return self.verdict or Admitted(self.dispatch, b"{}", "auth")

    async def wait_newer(self, revision: int, /) -> None:
        self.waited.append(revision)

    async def dispatch(self, request: Request, call: Call, props_json: bytes) -> Response:
        """A handler without the rest of a worker: its request is closed unless it streams on."""
        response = None
        try:
            response = await self.handler(request, call)
            return response
        finally:
            streams = response is not None and isinstance(response._body, ByteStream)
            if isinstance(request._body, ByteStream) and not streams:
                await request._body.aclose()


class LinkUnderTest:
    """What a test needs of both sides."""

    def __init__(self, server: PeerServer, links: Links, admit: Admit, address: str) -> None:
        self.server = server
        self.links = links
        self.admit = admit
        self.endpoint = Endpoint("one", "b", "g/0", address)

    def channel(self, *endpoints: Endpoint) -> RemoteChannel:
        target = RemoteTarget("gateway/AUTH/1", "auth", "auth", endpoints or (self.endpoint,), 7)
        return RemoteChannel(self.links, target)

    def fetch(
        self,
        *endpoints: Endpoint,
        call: Call | None = None,
        url: str = "http://auth/x",
        **kw: Any,
    ) -> Awaitable[Response]:
        return self.channel(*endpoints).call(Request(url, **kw), call or new_call())

    async def wait_empty(self) -> None:
        """Until both ends have forgotten every exchange."""
        while self.server.open_exchanges or any(link.end.exchanges for link in self.links._running):
            await asyncio.sleep(0.001)


def new_call(**kw: Any) -> Call:
    """A call of env.AUTH by the gateway, which the public called."""
    tree = Tree()
    tree.used = 2
    return Call(tree, "gateway", "AUTH", Call(tree), **kw)


@asynccontextmanager
async def open_link(
    handler: Callable[[Request, Call], Awaitable[Response]],
    address: str,
    *,
    timing: Timing | None = None,
) -> AsyncIterator[LinkUnderTest]:
    """A peer server that answers with `handler`, and the links of another cell."""
    admit = Admit(handler)
    server = PeerServer(admit, agent="b", cell="g/0", timing=timing)
    port = server.listen(address)
    if not address.startswith("unix:"):
        address = f"127.0.0.1:{port}"
    async with server, Links(agent="a", cell="g/0", timing=timing) as links:
        yield LinkUnderTest(server, links, admit, address)


def run_link(
    handler: Callable[[Request, Call], Awaitable[Response]],
    test: Callable[[LinkUnderTest], Awaitable[None]],
    address: str = "127.0.0.1:0",
    *,
    seconds: float = 20,
    **kw: Any,
) -> None:
    """Run `test` on the event loop that cells use; afterwards nothing may be left."""

    async def main() -> None:
        async with asyncio.timeout(seconds), open_link(handler, address, **kw) as link:
            await test(link)
            await link.wait_empty()

    uvloop.run(main())
