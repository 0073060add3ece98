"""The listener for other cells: takes links, and runs a handler for every exchange.

What an exchange may reach is decided by `Admission`, which has this cell's view of the mesh. Every
handler has a task of its own, owned by its link: the link's end cancels what still runs for it.
Whatever happens in there becomes an answer of the protocol; gRPC gets to see nothing of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from agent.peer_exchange import Admission, Admitted, Load, PeerExchange
from mesh.channel.driver import Driver, Timing
from mesh.channel.grpc_stream import serve_links
from mesh.transport.channels import listen, new_server
from mesh.wire.listener import ListenerEnd

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from mesh.channel.stream import FrameStream
    from mesh.transport.channels import ServerCredentials
    from mesh.v1.link_pb2 import Frame
    from mesh.wire.listener import AcceptedExchange

__all__ = ["Admission", "Admitted", "PeerServer"]

logger = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 1.0
"""What idle diallers may take to say goodbye, once everything is over."""


class PeerServer:
    """Serves links on any number of addresses. Made inside the event loop, used once."""

    def __init__(
        self, admission: Admission, *, agent: str, cell: str, timing: Timing | None = None
    ) -> None:
        self._admission = admission
        self._agent = agent
        self._cell = cell
        self._timing = Timing() if timing is None else timing
        self._server = new_server()
        serve_links(self._server, self._serve)
        self._links: dict[ListenerEnd, Driver] = {}
        self._load = Load()
        self._changed = asyncio.Event()
        self._is_draining = False
        self._is_closed = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def listen(self, address: str, credentials: ServerCredentials | None = None) -> int:
        """Add an address, before the start. Returns the port, 1 for a Unix socket.

        Without `credentials` it is plaintext. Raises: StartError.
        """
        return listen(self._server, address, credentials)

    async def start(self) -> None:
        """Accept links."""
        await self._server.start()

    @property
    def open_exchanges(self) -> int:
        """Exchanges that are not over, of all links."""
        return sum(len(end.exchanges) for end in self._links)

    async def _serve(self, stream: FrameStream) -> None:
        """One link, from its first frame to its last. Raises nothing but CancelledError."""
        try:
            async with asyncio.TaskGroup() as handlers:

                def start(exchange: AcceptedExchange, frame: Frame) -> None:
                    PeerExchange(exchange, frame, self._admission, self._load).start(handlers)

                end = ListenerEnd(self._agent, self._cell, start)
                await self._drive(stream, end)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("peer.link_failed")

    async def _drive(self, stream: FrameStream, end: ListenerEnd) -> None:
        reason = "the link was closed"
        driver = Driver(stream, end, self._timing, is_dialler=False)
        end.on_empty = self._changed.set
        self._links[end] = driver
        if self._is_draining:
            end.leave("the cell is stopping")
        try:
            reason = await driver.run()
        finally:
            del self._links[end]
            end.lose(reason)
            self._changed.set()
        if reason:
            peer = "" if end.peer is None else f"{end.peer.agent} {end.peer.cell}"
            logger.info("peer.link_lost", extra={"peer": peer, "reason": reason})

    async def drain(self, timeout_seconds: float) -> None:
        """Take nothing new, and let what runs finish, at most `timeout_seconds`; then cancel it.

        Diallers are told; each closes its link after its last exchange.
        """
        self._is_draining = True
        for end in self._links:
            end.leave("the cell is stopping")
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            # at once, so that nobody dials anew; links that are open go on meanwhile
            tasks.create_task(self._stop(timeout_seconds + 2 * CLOSE_SECONDS))
            await self._wait(lambda: self.open_exchanges, loop.time() + timeout_seconds)
            if not self.open_exchanges:
                await self._wait(lambda: len(self._links), loop.time() + CLOSE_SECONDS)
            self._cut()

    async def _wait(self, left: Callable[[], int], deadline: float) -> None:
        """Until `left` is nothing, or the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while left():
                    self._changed.clear()
                    await self._changed.wait()

    async def aclose(self) -> None:
        """Cut every link, cancel what runs for it, and wait until that has ended.

        May be called twice.
        """
        self._is_draining = True
        self._cut()
        await self._stop(CLOSE_SECONDS)

    def _cut(self) -> None:
        for driver in self._links.values():
            driver.stop("the cell is stopping")

    async def _stop(self, grace_seconds: float) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._server.stop(grace_seconds)
