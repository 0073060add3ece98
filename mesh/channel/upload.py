"""The streamed body of a request on its way into a link, in a task of the link.

waiting for the connection ──▶ reading ──▶ over: the source is closed
          └──the exchange is over──▶ nothing: the source was never touched
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mesh.channel.bodies import Pump, close_stream
from mesh.wire.body_failures import to_body_failure
from mesh.wire.dialler import fill_end
from workers.errors import BodyError

if TYPE_CHECKING:
    from mesh.v1.link_pb2 import Frame
    from mesh.wire.outbound import Outbound
    from workers.body import ByteStream


class Upload:
    """Owns `source` from the moment it begins to read it; until then whoever made it does."""

    def __init__(self, source: ByteStream, outbound: Outbound) -> None:
        self._source = source
        self._outbound = outbound
        self._pump = Pump(source, outbound)
        self._reader: asyncio.Task[None] | None = None
        self.has_begun = False
        """Whether the source was touched, so that nobody else can send it any more."""
        outbound.on_change = self._change

    def _change(self) -> None:
        if self._outbound.is_over and self._reader is not None:
            self._reader.cancel()
        else:
            self._pump.wake()

    async def run(self, connected: asyncio.Event) -> None:
        """Send the source once the link is connected, and close it."""
        await connected.wait()
        if self._outbound.is_over:  # given up, or never connected
            return
        self.has_begun = True
        self._reader = asyncio.current_task()
        try:
            await self._send()
        finally:
            self._reader = None
            await close_stream(self._source)

    async def _send(self) -> None:
        try:
            await self._pump.run()
        except BodyError as error:
            failure = to_body_failure(error)

            def fill(frame: Frame) -> None:
                frame.body_failure.CopyFrom(failure)

            self._outbound.finish(fill)
        else:
            self._outbound.finish(fill_end)
