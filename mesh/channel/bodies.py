"""Streamed bodies at the two ends of a link: read from what arrives, pumped into what is sent."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from workers.body import ByteStream
from workers.errors import BodyClosedError, BodyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from mesh.v1.link_pb2 import BodyFailure, Failure
    from mesh.wire.inbound import Inbound
    from mesh.wire.outbound import Outbound

    BrokenOff: TypeAlias = BodyFailure | Failure | str


logger = logging.getLogger(__name__)


class ArrivingStream(ByteStream):
    """A body that comes over a link.

    `to_error` turns what the other side said about a body that broke off into what is raised here.
    """

    __slots__ = ("_inbound", "_to_error", "_waiter")

    def __init__(
        self, inbound: Inbound, length: int | None, to_error: Callable[[BrokenOff], Exception]
    ) -> None:
        super().__init__(length)
        self._inbound = inbound
        self._to_error = to_error
        self._waiter: asyncio.Future[None] | None = None
        inbound.on_change = self._wake

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _next(self) -> bytes:
        if self._waiter is not None:
            raise BodyError("the body is being read by somebody else")
        inbound = self._inbound
        while not (chunk := inbound.take()):
            if self._closed:  # while it waited
                raise BodyClosedError("the body was closed while it was being read")
            if inbound.failure is not None:
                raise self._to_error(inbound.failure)
            if inbound.is_over:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return chunk

    async def _close(self) -> None:
        self._inbound.discard()
        self._wake()


class Pump:
    """Reads a stream into an `Outbound`, as fast as the peer takes it.

    Does not finish the outbound, nor close the stream.
    """

    __slots__ = ("_outbound", "_room", "_source")

    def __init__(self, source: ByteStream, outbound: Outbound) -> None:
        self._source = source
        self._outbound = outbound
        self._room: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """There may be room, or nothing may be wanted any more."""
        room = self._room
        if room is not None and not room.done():
            room.set_result(None)

    async def run(self) -> None:
        """Until the source ends, or the outbound is over. Raises: what the source raises."""
        outbound = self._outbound
        while not outbound.is_over:
            chunk = await anext(self._source, b"")
            if not chunk:
                return
            outbound.push(chunk)
            while not outbound.has_room and not outbound.is_over:
                self._room = asyncio.get_running_loop().create_future()
                await self._room


async def close_stream(stream: ByteStream) -> None:
    """Close a stream whose producer may be user code: what that raises goes to the log."""
    try:
        await stream.aclose()
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException:  # not even SystemExit may end the cell
        logger.exception("body.close_failed")
