"""The body that this end sends in one exchange, held back by the peer's credit.

    OPEN ──finish──▶ FINISHED ──the rest and the last frame are written──▶ over
      └──────────────────┴─────────────stop, or the exchange ends──────────▶ over

It holds what has been pushed and not yet sent; whoever pushes should wait while there is no room.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mesh.errors import ProtocolError
from mesh.wire.limits import (
    AHEAD_BYTES,
    AHEAD_CHUNKS,
    FIRST_WINDOW_BYTES,
    FRAME_OVERHEAD_BYTES,
    MAX_NUMBER,
    MERGE_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh.v1.link_pb2 import Frame, FrameBatch
    from mesh.wire.outbox import Outbox


class Outbound:
    """One direction of an exchange, as its sender sees it.

    `on_change` is called when there may be room again, and when it is over. `on_over` is the
    exchange's own.
    """

    __slots__ = (
        "_chunks",
        "_fill_last",
        "_is_queued",
        "_number",
        "_on_over",
        "_outbox",
        "_window",
        "has_credit",
        "is_over",
        "on_change",
        "pending_bytes",
    )

    def __init__(self, number: int, outbox: Outbox, on_over: Callable[[], None]) -> None:
        self._number = number
        self._outbox = outbox
        self._on_over = on_over
        self._window = FIRST_WINDOW_BYTES
        self._chunks: deque[bytes | memoryview] = deque()
        self._fill_last: Callable[[Frame], None] | None = None
        self._is_queued = False
        self.pending_bytes = 0
        self.has_credit = False
        """Whether the peer gave any: somebody reads there."""
        self.is_over = False
        self.on_change: Callable[[], None] = _nothing

    @property
    def has_room(self) -> bool:
        """Whether another chunk may be pushed: it could be sent soon."""
        pending = self.pending_bytes
        return not pending or (
            pending < min(self._window, AHEAD_BYTES) and len(self._chunks) < AHEAD_CHUNKS
        )

    def push(self, chunk: bytes) -> None:
        """Send `chunk` after what was pushed before. It is not copied until it leaves."""
        if chunk and not self.is_over:
            self._chunks.append(chunk)
            self.pending_bytes += len(chunk)
            self._queue()

    def finish(self, fill_last: Callable[[Frame], None]) -> None:
        """Send what is left, then the frame in which `fill_last` says how the body ended.

        The first one who says so decides.
        """
        if not self.is_over and self._fill_last is None:
            self._fill_last = fill_last
            self._queue()

    def add_credit(self, size: int) -> None:
        """The peer takes `size` more bytes. Raises: ProtocolError."""
        if self.is_over:
            return
        self.has_credit = True
        self._window += size
        if self._window > MAX_NUMBER:
            raise ProtocolError("more credit than a window can be")
        self._queue()
        self.on_change()

    def stop(self) -> None:
        """Nothing more is to be sent."""
        if not self.is_over:
            self.is_over = True
            self._chunks.clear()
            self.pending_bytes = 0
            self._fill_last = None
            self.on_change()
            self._on_over()

    @property
    def is_ready(self) -> bool:
        """See `Sender`; also decides whether it stays in the queue."""
        self._is_queued = not self.is_over and bool(
            self._window > 0 if self._chunks else self._fill_last
        )
        return self._is_queued

    def _queue(self) -> None:
        if not self._is_queued and self.is_ready:
            self._outbox.put_body(self)

    def write_frames(self, batch: FrameBatch, limit_bytes: int) -> int:
        """See `Sender`."""
        size = 0
        while self._chunks and self._window > 0 and size + MERGE_BYTES < limit_bytes:
            data = self._take(limit_bytes - size - FRAME_OVERHEAD_BYTES)
            frame = batch.frames.add()
            frame.exchange = self._number
            frame.data = data
            size += len(data) + FRAME_OVERHEAD_BYTES
        if self._fill_last is not None and not self._chunks:
            size += self._write_last(batch)
        if not self.is_over and self.has_room:
            self.on_change()
        return size

    def _take(self, limit_bytes: int) -> bytes:
        chunk = self._chunks.popleft()
        most = min(limit_bytes, self._window)
        if len(chunk) > most:  # a view, lest cutting a long chunk copies its rest each time
            view = memoryview(chunk)
            self._chunks.appendleft(view[most:])
            chunk = view[:most]
        self._window -= len(chunk)
        self.pending_bytes -= len(chunk)
        return chunk if type(chunk) is bytes else bytes(chunk)

    def _write_last(self, batch: FrameBatch) -> int:
        fill_last, self._fill_last = self._fill_last, None
        assert fill_last is not None
        frame = batch.frames.add()
        frame.exchange = self._number
        fill_last(frame)
        self.is_over = True
        self.on_change()
        self._on_over()
        return frame.ByteSize() + FRAME_OVERHEAD_BYTES


def _nothing() -> None:
    pass
