"""Two ends of a link without anything between them but the bytes of batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh.v1.link_pb2 import FrameBatch
from mesh.wire.dialler import DialledExchange, DiallerEnd
from mesh.wire.limits import LONE_BATCH_BYTES
from mesh.wire.listener import ListenerEnd

if TYPE_CHECKING:
    from mesh.v1.link_pb2 import Frame
    from mesh.wire.listener import AcceptedExchange


class Pair:
    """A dialler and a listener; what has left one and not reached the other waits in a list."""

    def __init__(self) -> None:
        self.accepted: list[AcceptedExchange] = []
        self.opened: list[Frame] = []
        self.answers: dict[int, Any] = {}
        self.lasts: dict[int, int | None] = {}
        self.dialler = DiallerEnd("a", "g/0")
        self.listener = ListenerEnd("b", "g/0", self._on_open)
        self.there: list[Frame] = []
        self.back: list[Frame] = []

    def _on_open(self, exchange: AcceptedExchange, frame: Frame) -> None:
        self.accepted.append(exchange)
        self.opened.append(frame)

    def open(self, body: bytes | None = None, *, has_stream: bool = False) -> DialledExchange:
        number = self.dialler.newest + 1

        def fill(head: Any) -> None:
            head.method = "POST"
            head.has_body = has_stream or body is not None

        def answer(value: Any) -> None:
            assert number not in self.answers, "a second answer"
            self.answers[number] = value

        def last(value: Any) -> None:
            assert number not in self.lasts, "a second end"
            self.lasts[number] = value.invocations if value is not None else None

        return self.dialler.open(fill, body, answer, last, has_stream=has_stream)

    def send(self, *, back: bool = False) -> bool:
        """Write the next batch of one end."""
        batch = (self.listener if back else self.dialler).outbox.next_batch()
        if batch is None:
            return False
        data = batch.SerializeToString()
        assert len(data) <= LONE_BATCH_BYTES
        (self.back if back else self.there).extend(FrameBatch.FromString(data).frames)
        return True

    def deliver(self, count: int | None = None, *, back: bool = False) -> None:
        """Let some of what has left arrive."""
        waiting = self.back if back else self.there
        frames, waiting[:] = waiting[:count], [] if count is None else waiting[count:]
        (self.dialler if back else self.listener).receive(frames)

    def exchange(self) -> None:
        """Until neither end has anything to say."""
        busy = True
        while busy:
            busy = False
            for back in (False, True):
                while self.send(back=back):
                    busy = True
                self.deliver(back=back)


def respond(exchange: AcceptedExchange, body: bytes | None = b"", **kw: Any) -> None:
    def fill(head: Any) -> None:
        head.status = 200

    exchange.respond(fill, None if kw.get("has_stream") else body, fill_last, **kw)


def fill_last(last: Any) -> None:
    last.invocations = 3
