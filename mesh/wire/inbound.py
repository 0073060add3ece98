"""The body that this end receives in one exchange: what has arrived and was not yet read.

    OPEN ──end──▶ ENDED            the rest can still be read
      ├──failure──▶ FAILED         the rest, then the failure
      └──discard──▶ DISCARDED      nothing more is wanted; the peer is told to stop

Credit keeps what lies here within the window; the window grows for a reader that consumes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mesh.errors import ProtocolError
from mesh.wire.limits import (
    FIRST_WINDOW_BYTES,
    MERGE_BYTES,
    POOL_BYTES,
    SHARED_WINDOW_BYTES,
    WINDOW_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    from mesh.v1.link_pb2 import BodyFailure, Failure, Frame
    from mesh.wire.outbox import Outbox


class Pool:
    """What the windows of a link may yet grow; `exchanges` are those that share it."""

    __slots__ = ("_exchanges", "free_bytes")

    def __init__(self, exchanges: Sized) -> None:
        self._exchanges = exchanges
        self.free_bytes = POOL_BYTES

    @property
    def window_bytes(self) -> int:
        """How large a window may be just now."""
        return WINDOW_BYTES if len(self._exchanges) < 2 else SHARED_WINDOW_BYTES

    def take(self, wanted_bytes: int) -> int:
        """As much of `wanted_bytes` as there is."""
        taken = min(wanted_bytes, self.free_bytes)
        self.free_bytes -= taken
        return taken

    def give_back(self, size: int) -> None:
        """Return what was taken."""
        self.free_bytes += size


class Inbound:
    """One direction of an exchange, as its receiver sees it.

    `on_change` is called when there is something new to take, or to know. `failure` is why the body
    broke off: what the peer said, or text where the link did.
    """

    __slots__ = (
        "_allowance",
        "_chunks",
        "_number",
        "_on_over",
        "_outbox",
        "_owed",
        "_pool",
        "_window",
        "failure",
        "is_ended",
        "is_over",
        "on_change",
    )

    def __init__(
        self, number: int, outbox: Outbox, pool: Pool, on_over: Callable[[], None]
    ) -> None:
        self._number = number
        self._outbox = outbox
        self._pool = pool
        self._on_over = on_over
        self._window = FIRST_WINDOW_BYTES
        self._allowance = FIRST_WINDOW_BYTES
        self._owed = 0
        self._chunks: deque[bytes | bytearray] = deque()
        self.is_ended = False
        self.is_over = False
        """Whether no more frames are due."""
        self.failure: BodyFailure | Failure | str | None = None
        self.on_change: Callable[[], None] = _nothing

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises: ProtocolError."""
        if self.is_ended:
            raise ProtocolError("data after the end of the body")
        self._allowance -= len(data)
        if self._allowance < 0:
            raise ProtocolError("more data than credit")
        if self.is_over:
            return
        last = self._chunks[-1] if self._chunks else None
        if last is None or len(data) > MERGE_BYTES or len(last) > MERGE_BYTES:
            self._chunks.append(data)
        elif isinstance(last, bytearray):
            last += data
        else:
            self._chunks[-1] = bytearray(last + data)
        self.on_change()

    def end(self) -> None:
        """The body is complete. Raises: ProtocolError."""
        if self.is_ended:
            raise ProtocolError("a second end of the body")
        self.is_ended = True
        self._set_over()

    def break_off(self, failure: BodyFailure | Failure | str) -> None:
        """Nothing more comes, for this reason. Nothing where the body is over already."""
        if not self.is_over:
            self.is_ended = True
            self.failure = failure
            self._set_over()

    def _set_over(self) -> None:
        if not self.is_over:
            self.is_over = True
            if not self._chunks:
                self._release()
            self.on_change()
            self._on_over()

    def take(self) -> bytes:
        """The next chunk, and credit for it; b"" where there is none now."""
        if not self._chunks:
            return b""
        chunk = self._chunks.popleft()
        if not self.is_over:
            self._owed += len(chunk)
            if self._owed * 2 >= self._window:
                self._grant()
        elif not self._chunks:
            self._release()
        return bytes(chunk)

    def _grant(self) -> None:
        growth = min(self._window, self._pool.window_bytes - self._window)
        if growth >= 0:
            growth = self._pool.take(growth)
        else:  # no longer alone: what was read is not granted anew, until the window is right
            growth = max(growth, -self._owed)
            self._pool.give_back(-growth)
        credit = self._owed + growth
        self._owed = 0
        self._window += growth
        self._allowance += credit
        if not credit:
            return

        def fill(frame: Frame) -> None:
            frame.credit = credit

        self._outbox.put(self._number, fill)

    def discard(self) -> None:
        """Nothing more is wanted. The peer is told, unless it has said everything."""
        self._chunks.clear()
        self._release()
        if not self.is_over:
            self.is_over = True
            self._outbox.put(self._number, _fill_stop)
            self.on_change()
            self._on_over()

    def _release(self) -> None:
        self._pool.give_back(self._window - FIRST_WINDOW_BYTES)
        self._window = FIRST_WINDOW_BYTES


def _fill_stop(frame: Frame) -> None:
    frame.stop = True


def _nothing() -> None:
    pass
