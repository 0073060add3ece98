"""Moves batches between one end of a link and its stream.

One task reads and one writes; nobody else touches the stream. The reader waits for nothing but the
stream, and while a batch is being written the next one fills. A timer looks after silence.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mesh.channel.stream import StreamLostError
from mesh.errors import ProtocolError
from mesh.wire.liveness import Liveness, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh.channel.stream import FrameStream
    from mesh.v1.link_pb2 import Frame
    from mesh.wire.link_end import LinkEnd

logger = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 1.0
"""How long the peer may take to end a stream that both are done with."""


SLICE_FRAMES: Final = 32
"""How many frames of a batch are taken at once; a batch costs about as much as ten small calls."""


class Timing(msgspec.Struct, frozen=True):
    """How patient a link is; all in seconds."""

    connect_seconds: float = 1.0
    """To connect: a public client should have its 503 within about a second."""
    silence_seconds: float = 2.0
    """Without any frame while exchanges are open, until a ping; and as long again for its answer.
    """
    idle_seconds: float = 300.0
    """Without an exchange, until the link is closed."""


class Driver:
    """Runs one end of a link over one stream."""

    def __init__(
        self, stream: FrameStream, end: LinkEnd[Any], timing: Timing, *, is_dialler: bool
    ) -> None:
        self._stream = stream
        self._end = end
        self._is_dialler = is_dialler
        self._loop = asyncio.get_running_loop()
        idle = timing.idle_seconds if is_dialler else float("inf")
        self._liveness = Liveness(timing.silence_seconds, idle, self._loop.time())
        self._output: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[str] = self._loop.create_future()

    async def run(self) -> str:
        """Until the link is over. Returns why: "" after a goodbye. The exchanges are left alone."""
        self._end.outbox.on_output = self.wake
        self._watch()
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(self._read())
                writer = tasks.create_task(self._write())
                reason = await self._over
                reader.cancel()
                writer.cancel()
        finally:
            if self._timer is not None:
                self._timer.cancel()
        return reason

    def wake(self) -> None:
        """Let the writer look whether there is something to do."""
        output = self._output
        if output is not None and not output.done():
            output.set_result(None)

    def stop(self, reason: str) -> None:
        """End the link now."""
        self._finish(reason)

    def _finish(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(reason)

    async def _read(self) -> None:
        end, liveness, time = self._end, self._liveness, self._loop.time
        try:
            while (batch := await self._stream.read()) is not None:
                liveness.heard(time())
                frames = batch.frames
                if len(frames) <= SLICE_FRAMES:
                    end.receive(frames)
                else:
                    await self._receive_slices(frames)
                if end.is_peer_leaving:
                    self._hear_goodbye()
                    self.wake()
        except StreamLostError as error:
            self._finish(str(error))
        except ProtocolError as error:
            self._finish(f"it broke the protocol: {error}")
        else:
            is_goodbye = end.is_peer_leaving or (end.is_leaving and not end.exchanges)
            self._finish("" if is_goodbye else "the stream ended")

    def _hear_goodbye(self) -> None:
        peer, reason = self._end.peer, self._end.peer_reason
        if reason and peer is not None:
            self._end.peer_reason = ""  # logged once
            fields = {"agent": peer.agent, "cell": peer.cell, "reason": reason}
            logger.debug("link.peer_leaves", extra=fields)

    async def _receive_slices(self, frames: Sequence[Frame]) -> None:
        """Let what the first frames set going run, and be written, before the next are taken.

        Calls that fall into step would have one end wait while the other works.
        """
        for start in range(0, len(frames), SLICE_FRAMES):
            if start:
                await asyncio.sleep(0)
            self._end.receive(frames[start : start + SLICE_FRAMES])

    async def _write(self) -> None:
        outbox = self._end.outbox
        try:
            while True:
                self._say_goodbye()
                batch = outbox.next_batch()
                if batch is not None:
                    await self._stream.write(batch)
                elif self._may_close():
                    break
                else:
                    self._output = self._loop.create_future()
                    await self._output
            await self._stream.close_writing()
        except StreamLostError as error:
            self._finish(str(error))
            return
        self._loop.call_later(CLOSE_SECONDS, self._finish, "")

    def _say_goodbye(self) -> None:
        """Once nothing is open any more, a dialler follows a listener that leaves."""
        end = self._end
        if self._is_dialler and end.is_peer_leaving and not end.exchanges:
            end.leave("the listener leaves")

    def _may_close(self) -> bool:
        """Whether everything has been said, the goodbye included."""
        return self._is_dialler and self._end.is_leaving and not self._end.exchanges

    def _watch(self) -> None:
        end = self._end
        verdict = self._liveness.check(
            self._loop.time(), is_busy=bool(end.exchanges), newest=end.newest
        )
        if verdict is Verdict.PING:
            end.ping()
        elif verdict is Verdict.LOST:
            self._finish("no sign of life")
        elif verdict is Verdict.IDLE:
            end.leave("idle")
        self._timer = self._loop.call_later(self._liveness.period_seconds, self._watch)
