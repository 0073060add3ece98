"""One end of a link, as far as both roles are alike: no I/O, no clock, no event loop.

    hello both ways ──▶ OPEN ──goaway sent or received──▶ LEAVING ──last exchange is over──▶ may end
                          └──────────the stream ends, or ProtocolError──────────▶ lost

Batches that arrive go to `receive`; what `outbox.next_batch` gives is to be written. Answers come
by the callbacks of the exchanges, from within `receive` and `lose`. A peer that breaks the rules
costs the whole link, for nothing that it says can be relied on; a frame for an exchange that is
over is no such thing, since it may have been on its way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from mesh.errors import ProtocolError
from mesh.v1.link_pb2 import Hello
from mesh.wire.inbound import Pool
from mesh.wire.limits import BACKLOG_FRAMES, VERSION
from mesh.wire.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh.v1.link_pb2 import Frame


class Exchange(Protocol):
    """What a link end asks of its exchanges."""

    def receive(self, frame: Frame) -> None:
        """The next frame. Raises: ProtocolError."""

    def lose(self, reason: str) -> None:
        """The link is gone."""


E = TypeVar("E", bound=Exchange)


class LinkEnd(Generic[E]):
    """What both ends do: number, greet, answer pings, say goodbye."""

    def __init__(self, agent: str, cell: str) -> None:
        self.outbox = Outbox()
        self.exchanges: dict[int, E] = {}
        self.pool = Pool(self.exchanges)
        self.peer: Hello | None = None
        self.is_leaving = False
        """Whether this end said that it opens, or takes, nothing more."""
        self.is_peer_leaving = False
        self.peer_reason = ""
        """Why the peer is leaving, as it says."""
        self.is_lost = False
        self.newest = 0
        """The number of the newest exchange."""
        self._pings = 0

        def fill(frame: Frame) -> None:
            frame.hello.version = VERSION
            frame.hello.agent = agent
            frame.hello.cell = cell

        self.outbox.put(0, fill)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self.exchanges)} exchanges>"

    def receive(self, frames: Iterable[Frame]) -> None:
        """Take what arrived. Raises: ProtocolError; then `lose` is due."""
        exchanges = self.exchanges
        for frame in frames:
            number = frame.exchange
            if self.peer is None:
                self._greet(frame)
            exchange = exchanges.get(number)
            if exchange is not None:
                exchange.receive(frame)
            elif not number:
                self._receive_link(frame)
            else:
                self._receive_unknown(number, frame)
        if self.outbox.frames > BACKLOG_FRAMES:
            raise ProtocolError("the peer sends, but does not read")

    def _greet(self, frame: Frame) -> None:
        if not frame.HasField("hello") or not frame.hello.version:
            raise ProtocolError("the first frame is no hello")
        self.peer = Hello(agent=frame.hello.agent, cell=frame.hello.cell)  # not its whole batch

    def _receive_link(self, frame: Frame) -> None:
        if frame.ping:
            number = frame.ping

            def fill(answer: Frame) -> None:
                answer.pong = number

            self.outbox.put(0, fill)
        if frame.HasField("goaway"):
            self.is_peer_leaving = True
            self.peer_reason = frame.goaway.reason
        if frame.data or frame.HasField("open") or frame.HasField("head"):
            raise ProtocolError("a message without an exchange")

    def _receive_unknown(self, number: int, frame: Frame) -> None:
        """A frame of an exchange that is not open. Raises: ProtocolError."""
        if number > self.newest:
            raise ProtocolError(f"a frame of exchange {number}, which was never opened")
        if frame.HasField("open"):
            raise ProtocolError(f"exchange {number} was opened twice")

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._pings += 1
        number = self._pings

        def fill(frame: Frame) -> None:
            frame.ping = number

        self.outbox.put(0, fill)

    def leave(self, reason: str) -> None:
        """Say that this end opens, or takes, no new exchanges. May be called twice."""
        if self.is_leaving:
            return

        def fill(frame: Frame) -> None:
            frame.goaway.reason = reason

        self.outbox.put(0, fill)
        self.is_leaving = True

    def lose(self, reason: str) -> None:
        """The link is over, whichever way: so are its exchanges. May be called twice."""
        self.is_lost = True
        self.outbox.close()
        for exchange in tuple(self.exchanges.values()):
            exchange.lose(reason)
