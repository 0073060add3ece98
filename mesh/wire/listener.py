"""The end that answers exchanges, and the callee's side of each.

    open ──▶ RUNNING ──respond──▶ ANSWERED ──the response's body is over──▶ over, once the request's
      │         └──fail, reset──▶ over                                     body is over as well
      └──refuse──▶ (never was)

An exchange that is over still counts until its *handler* has ended: a dialler that opens and resets
as fast as it can gets no more handlers than any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import ProtocolError
from mesh.v1 import link_pb2
from mesh.wire.dialler import receive_body
from mesh.wire.inbound import Inbound
from mesh.wire.limits import INLINE_BYTES, MAX_EXCHANGES
from mesh.wire.link_end import LinkEnd
from mesh.wire.outbound import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh.v1.link_pb2 import Failure, Frame, Head, Last


class AcceptedExchange:
    """One exchange as the callee's side sees it.

    `on_cancel` is called when nobody wants its answer any more, `on_stop` when the rest of the
    response's body is not wanted.
    """

    __slots__ = (
        "_end",
        "_is_stopped",
        "has_handler",
        "inbound",
        "is_answered",
        "is_reset",
        "number",
        "on_cancel",
        "on_stop",
        "outbound",
    )

    def __init__(self, end: ListenerEnd, number: int) -> None:
        self._end = end
        self._is_stopped = False
        self.number = number
        self.has_handler = True
        self.is_answered = False
        self.is_reset = False
        self.inbound: Inbound | None = None
        self.outbound: Outbound | None = None
        self.on_cancel: Callable[[], object] = _nothing
        self.on_stop: Callable[[], object] = _nothing

    def receive_open(self, frame: Frame) -> None:
        """The first frame. Raises: ProtocolError."""
        if not frame.end:
            end = self._end
            self.inbound = Inbound(self.number, end.outbox, end.pool, self.settle)
            receive_body(self.inbound, frame)
        elif len(frame.data) > INLINE_BYTES:
            raise ProtocolError("more data than credit")

    def receive(self, frame: Frame) -> None:
        """See `Exchange`."""
        if frame.HasField("open"):
            raise ProtocolError(f"exchange {self.number} was opened twice")
        if frame.HasField("head") or frame.HasField("refused"):
            raise ProtocolError("the dialler answered")
        if self.is_reset:
            return  # this end closed it, while the frame was on its way
        if frame.data or frame.end or frame.HasField("body_failure"):
            if self.inbound is None:
                raise ProtocolError("a request's body after its end")
            receive_body(self.inbound, frame)
        if frame.credit and self.outbound is not None:
            self.outbound.add_credit(frame.credit)
        if frame.stop:
            self._receive_stop()
        if frame.HasField("reset"):
            self.lose("the caller gave up")

    def _receive_stop(self) -> None:
        self._is_stopped = True
        if self.outbound is not None and not self.outbound.is_over:
            self.outbound.stop()
            self.on_stop()

    def lose(self, reason: str) -> None:
        """See `Exchange`; a reset by the dialler comes to the same."""
        if not self.is_reset:
            self._close(reason)
            self.on_cancel()

    def _close(self, reason: str) -> None:
        self.is_reset = self.is_answered = True
        if self.inbound is not None:
            self.inbound.break_off(reason)
        if self.outbound is not None:
            self.outbound.stop()
        self.settle()

    def respond(
        self,
        fill_head: Callable[[Head], None],
        body: bytes | None,
        fill_last: Callable[[Last], None],
        *,
        has_stream: bool = False,
    ) -> None:
        """Answer. A small `body` goes in the same frame; with `has_stream` it is pushed afterwards.

        Nothing where nobody waits any more. Raises: FrameTooLargeError.
        """
        if self.is_answered:
            return
        is_inline = not has_stream and (body is None or len(body) <= INLINE_BYTES)

        def fill(frame: Frame) -> None:
            fill_head(frame.head)
            if is_inline:
                if body:
                    frame.data = body
                frame.end = True
                fill_last(frame.last)

        self._end.outbox.put(self.number, fill)
        self.is_answered = True
        if not is_inline:
            self.outbound = Outbound(self.number, self._end.outbox, self.settle)
            if self._is_stopped:
                self.outbound.stop()
            elif body is not None:
                self.outbound.push(body)
                self.finish(fill_last)
        self.settle()

    def finish(self, fill_last: Callable[[Last], None]) -> None:
        """The response's body was pushed to its end."""

        def fill(frame: Frame) -> None:
            frame.end = True
            fill_last(frame.last)

        if self.outbound is not None:
            self.outbound.finish(fill)

    def fail(self, failure: Failure, fill_last: Callable[[Last], None]) -> None:
        """The call failed; of a response that has begun, the body did, after what was pushed."""
        if self.is_reset:
            return

        def fill(frame: Frame) -> None:
            frame.reset.failure.CopyFrom(failure)
            fill_last(frame.last)
            self._close("the call failed")  # in both directions, now that the reset leaves

        if self.outbound is None:
            if not self.is_answered:
                self._end.outbox.put(self.number, fill)
        else:
            self.outbound.finish(fill)

    def refuse(self, reason: link_pb2.Refused.Reason, message: str = "") -> None:
        """Say that nothing was started."""
        if not self.is_answered:
            self._end.refuse(self.number, reason, message)
            self._close("refused")

    def handler_ended(self) -> None:
        """Nothing runs for it any more."""
        self.has_handler = False
        self.settle()

    def settle(self) -> None:
        """Forget the exchange if nothing is left of it."""
        if (
            not self.has_handler
            and self.is_answered
            and (self.inbound is None or self.inbound.is_over)
            and (self.outbound is None or self.outbound.is_over)
        ):
            self._end.forget(self.number)


class ListenerEnd(LinkEnd[AcceptedExchange]):
    """The called end of a link. `on_open` starts a handler for a new exchange."""

    def __init__(
        self, agent: str, cell: str, on_open: Callable[[AcceptedExchange, Frame], None]
    ) -> None:
        super().__init__(agent, cell)
        self._on_open = on_open
        self.on_empty: Callable[[], None] = _nothing

    def _receive_unknown(self, number: int, frame: Frame) -> None:
        if number <= self.newest or not frame.HasField("open"):
            super()._receive_unknown(number, frame)
            return
        self.newest = number
        if frame.HasField("head") or frame.HasField("refused"):
            raise ProtocolError("the dialler answered")
        if self.is_leaving:
            self.refuse(number, link_pb2.Refused.DRAINING, "the cell is stopping")
        elif len(self.exchanges) >= MAX_EXCHANGES:
            self.refuse(number, link_pb2.Refused.FULL, f"{MAX_EXCHANGES} exchanges are open")
        elif self.outbox.is_backed_up:
            self.refuse(number, link_pb2.Refused.FULL, "answers wait to be read")
        else:
            exchange = AcceptedExchange(self, number)
            exchange.receive_open(frame)
            self.exchanges[number] = exchange
            self._on_open(exchange, frame)

    def refuse(self, number: int, reason: link_pb2.Refused.Reason, message: str) -> None:
        """Answer that nothing was started."""

        def fill(frame: Frame) -> None:
            frame.refused.reason = reason
            frame.refused.message = message

        self.outbox.put(number, fill)

    def forget(self, number: int) -> None:
        """The exchange is over, and its handler has ended."""
        if self.exchanges.pop(number, None) is not None and not self.exchanges:
            self.on_empty()


def _nothing() -> None:
    pass
