"""What the link asks of a transport, and nothing else of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mesh.v1.link_pb2 import FrameBatch


class StreamLostError(ConnectionError):
    """The transport gave up, for the reason in the message; nothing more comes or goes."""


class FrameStream(Protocol):
    """One end of a stream of batches in both directions.

    One task reads and one writes; cancelling either of them inside a call ends the stream. Whoever
    opened the stream closes it.
    """

    async def read(self) -> FrameBatch | None:
        """The next batch; None where the peer sends no more. Raises: StreamLostError,
        ProtocolError.
        """

    async def write(self, batch: FrameBatch) -> None:
        """Send a batch, as soon as the peer's transport takes it. Raises: StreamLostError."""

    async def close_writing(self) -> None:
        """Send no more. Raises: StreamLostError."""
