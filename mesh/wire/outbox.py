"""What one end of a link has to send, and the order in which it leaves.

Small frames (control, heads, messages of one frame) are built in place in the batch that fills up
while another is being written. They leave first, in order; what room is left in their batch is for
bodies, in turn. Nothing here waits: whoever writes asks for the next batch.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from mesh.v1.link_pb2 import FrameBatch
from mesh.wire.limits import (
    BACKLOG_BYTES,
    BATCH_BYTES,
    FRAME_OVERHEAD_BYTES,
    HEAD_BYTES,
    LAST_BYTES,
    LONE_AFTER_BATCHES,
    LONE_BATCH_BYTES,
    MERGE_BYTES,
    SMALL_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh.v1.link_pb2 import Frame


class FrameTooLargeError(ValueError):
    """A head is larger than a frame can be; it was not queued."""

    def __init__(self) -> None:
        super().__init__(f"the header fields and the URL take more than {HEAD_BYTES} bytes")


class Sender(Protocol):
    """A body that has something to send."""

    def write_frames(self, batch: FrameBatch, limit_bytes: int) -> int:
        """Add frames of at most `limit_bytes` in all to `batch`. Returns what they take."""

    @property
    def is_ready(self) -> bool:
        """Whether there is more that may be sent now."""


class Outbox:
    """The frames of one end of a link that wait to be written.

    `on_output` is called whenever there is something new.
    """

    __slots__ = (
        "_batch",
        "_batch_bytes",
        "_bodies",
        "_full",
        "_full_bytes",
        "_late",
        "_quiet",
        "frames",
        "is_closed",
        "number",
        "on_output",
        "taken",
    )

    def __init__(self) -> None:
        self._batch = FrameBatch()
        self._batch_bytes = 0
        self._full: deque[tuple[FrameBatch, int]] = deque()
        self._full_bytes = 0
        self._bodies: deque[Sender] = deque()
        self._late: deque[tuple[int, Sender]] = deque()
        self._quiet = 0
        self.frames = 0
        """Small frames that wait."""
        self.is_closed = False
        self.number = 1
        """Of the batch that is being filled."""
        self.taken = 0
        """The number of the last batch that was taken to be written."""
        self.on_output: Callable[[], None] = _nothing

    @property
    def is_backed_up(self) -> bool:
        """Whether the peer reads too slowly for anything new."""
        return self._batch_bytes + self._full_bytes > BACKLOG_BYTES

    @property
    def has_output(self) -> bool:
        """Whether `next_batch` has something."""
        return bool(self._batch_bytes or self._full or self._bodies or self._late)

    def put(self, exchange: int, fill: Callable[[Frame], None]) -> None:
        """Queue one small frame, of which `fill` sets the fields.

        Raises: FrameTooLargeError, or whatever `fill` raises; nothing is queued then.
        """
        if self.is_closed:
            return
        frames = self._batch.frames
        frame = frames.add()
        try:
            frame.exchange = exchange
            fill(frame)
        except BaseException:
            del frames[-1]
            raise
        size = frame.ByteSize() + FRAME_OVERHEAD_BYTES
        if size > HEAD_BYTES:
            del frames[-1]
            raise FrameTooLargeError
        if self._batch_bytes and self._batch_bytes + size > SMALL_BYTES:
            self._begin_batch()
            self._batch.frames.append(frame)
            del frames[-1]
        self._batch_bytes += size
        self.frames += 1
        self.on_output()

    def _begin_batch(self) -> None:
        self._full.append((self._batch, self._batch_bytes))
        self._full_bytes += self._batch_bytes
        self._batch, self._batch_bytes = FrameBatch(), 0
        self.number += 1

    def put_body(self, body: Sender) -> None:
        """Let `body` take its turns, once the small frames that are here now have left.

        Its head may be among them. It must not be queued already.
        """
        if not self.is_closed:
            behind = self.number if self._batch_bytes else self.number - 1
            self._late.append((behind, body))
            self.on_output()

    def next_batch(self) -> FrameBatch | None:
        """What is to be written next, None where there is nothing."""
        if self._batch_bytes and not self._full:
            self._begin_batch()
        if self._full:
            batch, size = self._full.popleft()
            self._full_bytes -= size
            self.frames -= len(batch.frames)
            self.taken += 1
            self._quiet = 0
        elif self._bodies or self._late:
            batch, size = FrameBatch(), 0
            self._quiet += 1
        else:
            return None
        while self._late and self._late[0][0] <= self.taken:
            self._bodies.append(self._late.popleft()[1])
        if self._bodies:
            self._fill(batch, size)
        return batch

    def _fill(self, batch: FrameBatch, size: int) -> None:
        is_lone = len(self._bodies) == 1 and self._quiet > LONE_AFTER_BATCHES
        limit = (LONE_BATCH_BYTES if is_lone else BATCH_BYTES) - LAST_BYTES
        share = max(limit // len(self._bodies), BATCH_BYTES // 16)
        while self._bodies and size + MERGE_BYTES < limit:
            body = self._bodies.popleft()
            size += body.write_frames(batch, min(share, limit - size))
            if body.is_ready:
                self._bodies.append(body)

    def close(self) -> None:
        """Forget everything; nothing is queued any more."""
        self.is_closed = True
        self._full.clear()
        self._bodies.clear()
        self._late.clear()
        self._batch, self._batch_bytes, self._full_bytes, self.frames = FrameBatch(), 0, 0, 0


def _nothing() -> None:
    pass
