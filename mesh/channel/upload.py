"""The streamed body of a request on its way into a link, in a task of its own.

waiting for the connection ──▶ reading ──▶ over: the source is closed
   │            ▲                 │  ▲
   └──not started: held──sent again──┘  with what was read, while nobody is known to have begun
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mesh.channel.bodies import close_stream
from mesh.wire.body_failures import to_body_failure
from mesh.wire.dialler import fill_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh.v1.link_pb2 import Frame
    from mesh.wire.outbound import Outbound
    from workers.body import ByteStream


class Upload:
    """One source, for one exchange after the other until one of them is started.

    Owns `source` from the moment it begins to read it; until then whoever made it does. What was
    read is kept until the first sign of a start, which a receiver gives by its credit at the
    latest: two first windows and a chunk at most.
    """

    def __init__(self, source: ByteStream) -> None:
        self._source = source
        self._outbound: Outbound | None = None
        self._kept: list[bytes] | None = []
        self._fill_last: Callable[[Frame], None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self.has_begun = False
        """Whether the source was touched."""

    @property
    def is_held(self) -> bool:
        """Whether it waits for another exchange."""
        return self._outbound is None and self._kept is not None

    def hold(self) -> None:
        """Its exchange ends without having been started: wait for another one, if possible."""
        if self._kept is not None:
            self._outbound = None

    def send_to(self, outbound: Outbound) -> None:
        """Send it, from its beginning, as the body of another exchange."""
        assert self._kept is not None
        self._outbound = outbound
        outbound.on_change = lambda: self._change(outbound)
        for chunk in self._kept:
            outbound.push(chunk)
        if self._fill_last is not None:
            outbound.finish(self._fill_last)
        self._wake()

    def commit(self) -> None:
        """Its exchange was started: it will not be sent again."""
        self._kept = None

    def give_up(self) -> None:
        """Nobody wants it any more."""
        self._kept = self._outbound = None
        if self._reader is not None:
            self._reader.cancel()

    def _change(self, outbound: Outbound) -> None:
        if outbound is not self._outbound:
            return
        if outbound.has_credit:
            self.commit()
        if outbound.is_over and self._reader is not None:
            self.give_up()
        else:
            self._wake()

    def _wake(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def run(self, outbound: Outbound, connected: asyncio.Event) -> None:
        """Read the source once the link of `outbound` is connected, and close it.

        Raises nothing but CancelledError.
        """
        await connected.wait()
        if outbound.is_over or self.has_begun:  # given up, never connected, or read for another
            return
        self.has_begun = True
        self._reader = asyncio.current_task()
        try:
            self._fill_last = await self._read()
            if self._outbound is not None:
                self._outbound.finish(self._fill_last)
        finally:
            self._reader = None
            await close_stream(self._source)

    async def _read(self) -> Callable[[Frame], None]:
        """Pass on what comes. Returns what to say at the end of it."""
        try:
            while chunk := await anext(self._source, b""):
                if self._kept is not None:
                    self._kept.append(chunk)
                if self._outbound is not None:
                    self._outbound.push(chunk)
                while self._outbound is None or not self._outbound.has_room:
                    self._room = asyncio.get_running_loop().create_future()
                    await self._room
        except Exception as error:  # noqa: BLE001 - of a worker's body, which harms itself only
            failure = to_body_failure(error)
            return lambda frame: frame.body_failure.CopyFrom(failure)
        return fill_end
