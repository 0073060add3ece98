"""The end that opens exchanges, and the caller's side of each.

    open ──▶ WAITING ──head──▶ ANSWERED ──end, stop or failure of the response──▶ closed, once the
                │                                              request's body is over as well
                └──refused, reset, cancel, lost──▶ closed

`on_answer` is called once: with the frame that has the head, the refusal or the reset, or with
`Lost`. `on_last` is called once too: with what the listener said at the end, or with None where the
exchange is over without that. A response of one frame has no `inbound`, a request of one frame no
`outbound`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mesh.errors import ProtocolError
from mesh.wire.inbound import Inbound
from mesh.wire.limits import INLINE_BYTES, MAX_EXCHANGES, MAX_NUMBER
from mesh.wire.link_end import LinkEnd
from mesh.wire.outbound import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from mesh.v1.link_pb2 import Frame, Last, Open


class Lost(msgspec.Struct, frozen=True):
    """The link ended before the answer came."""

    reason: str
    was_sent: bool
    """Whether the request may have left; if not, it was surely not started."""


if TYPE_CHECKING:
    Answer: TypeAlias = Frame | Lost


class DialledExchange:
    """One exchange as the caller's side sees it. Made by `DiallerEnd.open`."""

    __slots__ = (
        "_batch",
        "_end",
        "inbound",
        "is_answered",
        "is_closed",
        "number",
        "on_answer",
        "on_last",
        "outbound",
    )

    def __init__(
        self,
        end: DiallerEnd,
        number: int,
        on_answer: Callable[[Answer], None],
        on_last: Callable[[Last | None], None],
    ) -> None:
        self._end = end
        self._batch = end.outbox.number
        self.number = number
        self.on_answer = on_answer
        self.on_last = on_last
        self.is_answered = False
        self.is_closed = False
        self.inbound: Inbound | None = None
        self.outbound: Outbound | None = None

    def receive(self, frame: Frame) -> None:
        """See `Exchange`."""
        if frame.HasField("last"):
            self._say_last(frame.last)
        if frame.HasField("head"):
            self._receive_head(frame)
        elif frame.data or frame.end or frame.HasField("body_failure"):
            if self.inbound is None:
                raise ProtocolError("a response's body without its head, or after its end")
            receive_body(self.inbound, frame)
        if self.outbound is not None:
            receive_demand(self.outbound, frame)
        if frame.HasField("reset"):
            self._receive_reset(frame)
        if frame.HasField("refused"):
            self._receive_refused(frame)
        if frame.HasField("open"):
            raise ProtocolError("the listener opened an exchange")

    def _receive_refused(self, frame: Frame) -> None:
        if self.is_answered:
            raise ProtocolError("a refusal after the answer")
        self._answer(frame)
        self._close("refused")

    def _receive_head(self, frame: Frame) -> None:
        if self.is_answered:
            raise ProtocolError("a second answer")
        if not frame.end:
            end = self._end
            self.inbound = Inbound(self.number, end.outbox, end.pool, self.settle)
        self._answer(frame)
        if self.inbound is not None:
            receive_body(self.inbound, frame)
        elif len(frame.data) > INLINE_BYTES:
            raise ProtocolError("more data than credit")
        else:
            self.settle()

    def _receive_reset(self, frame: Frame) -> None:
        if not self.is_answered:
            self._answer(frame)
        elif self.inbound is not None:
            self.inbound.break_off(frame.reset.failure)
        self._close("reset")

    def _answer(self, answer: Answer) -> None:
        self.is_answered = True
        self.on_answer(answer)

    def cancel(self) -> None:
        """The caller is no longer interested. Takes effect at once; may be called twice."""
        if not self.is_closed:
            self._end.outbox.put(self.number, _fill_cancelled)
            self.is_answered = True
            self._close("the call was cancelled")

    def lose(self, reason: str) -> None:
        """See `Exchange`."""
        if not self.is_answered:
            self._answer(Lost(reason, was_sent=self._batch <= self._end.outbox.taken))
        self._close(reason)

    def _close(self, reason: str) -> None:
        if not self.is_closed:
            self._forget()
            if self.inbound is not None:
                self.inbound.break_off(reason)
            if self.outbound is not None:
                self.outbound.stop()

    def settle(self) -> None:
        """Close if neither direction has anything left."""
        if (
            self.is_answered
            and not self.is_closed
            and (self.inbound is None or self.inbound.is_over)
            and (self.outbound is None or self.outbound.is_over)
        ):
            self._forget()

    def _forget(self) -> None:
        self.is_closed = True
        self._end.forget(self.number)
        self._say_last(None)

    def _say_last(self, last: Last | None) -> None:
        on_last, self.on_last = self.on_last, _ignore
        on_last(last)


class DiallerEnd(LinkEnd[DialledExchange]):
    """The calling end of a link. `on_empty` is called when its last exchange is over."""

    def __init__(self, agent: str, cell: str) -> None:
        super().__init__(agent, cell)
        self.on_empty: Callable[[], None] = _nothing

    @property
    def can_open(self) -> bool:
        """Whether this link may ever take another exchange; if not, dial another."""
        return not (
            self.is_lost or self.is_leaving or self.is_peer_leaving or self.newest == MAX_NUMBER
        )

    @property
    def is_full(self) -> bool:
        """Whether it may not take another one just now."""
        return len(self.exchanges) >= MAX_EXCHANGES or self.outbox.is_backed_up

    def open(
        self,
        fill_open: Callable[[Open], None],
        body: bytes | None,
        on_answer: Callable[[Answer], None],
        on_last: Callable[[Last | None], None],
        *,
        has_stream: bool = False,
    ) -> DialledExchange:
        """Begin an exchange, which `can_open` and `is_full` allow.

        A small `body` goes in the first frame. With `has_stream` the caller pushes the body to
        `outbound` afterwards. Raises: FrameTooLargeError.
        """
        number = self.newest + 1
        is_inline = not has_stream and (body is None or len(body) <= INLINE_BYTES)

        def fill(frame: Frame) -> None:
            fill_open(frame.open)
            if is_inline:
                frame.end = True
                if body:
                    frame.data = body

        self.outbox.put(number, fill)
        self.newest = number
        exchange = DialledExchange(self, number, on_answer, on_last)
        self.exchanges[number] = exchange
        if not is_inline:
            exchange.outbound = Outbound(number, self.outbox, exchange.settle)
            if body is not None:
                exchange.outbound.push(body)
                exchange.outbound.finish(fill_end)
        return exchange

    def forget(self, number: int) -> None:
        """The exchange is closed."""
        del self.exchanges[number]
        if not self.exchanges:
            self.on_empty()


def receive_body(inbound: Inbound, frame: Frame) -> None:
    """What a frame says of its sender's body. Raises: ProtocolError."""
    if frame.data:
        inbound.feed(frame.data)
    if frame.end:
        inbound.end()
    if frame.HasField("body_failure"):
        if inbound.is_ended:
            raise ProtocolError("a body that breaks off after its end")
        inbound.break_off(frame.body_failure)


def receive_demand(outbound: Outbound, frame: Frame) -> None:
    """What a frame says of the other body: how much its sender takes. Raises: ProtocolError."""
    if frame.credit:
        outbound.add_credit(frame.credit)
    if frame.stop:
        outbound.stop()


def fill_end(frame: Frame) -> None:
    """The last frame of a request's body."""
    frame.end = True


def _fill_cancelled(frame: Frame) -> None:
    frame.reset.cancelled = True


def _nothing() -> None:
    pass


def _ignore(last: Last | None) -> None:
    pass
