"""Messages over the socket pair of an agent and a cell."""

from __future__ import annotations

import asyncio
import socket

import pytest

from agent.messages import MESSAGE_LIMIT_BYTES, MessageStream
from mesh.errors import ProtocolError
from mesh.v1 import cell_pb2


def exchange(data: bytes) -> list[cell_pb2.ToCell | None]:
    """What the receiver makes of raw bytes, until the end."""

    async def main() -> list[cell_pb2.ToCell | None]:
        ours, theirs = socket.socketpair()
        with ours:
            stream = await MessageStream.open(theirs, cell_pb2.ToCell)
            ours.sendall(data)
            ours.shutdown(socket.SHUT_WR)
            received: list[cell_pb2.ToCell | None] = []
            try:
                while not received or received[-1] is not None:
                    received.append(await stream.receive())
            finally:
                stream.close()
            return received

    return asyncio.run(main())


def test_messages_arrive_in_order() -> None:
    """However they are cut into pieces by the socket; then comes the end."""
    start = cell_pb2.ToCell(start=cell_pb2.Start(cell="x" * 300_000))
    drain = cell_pb2.ToCell(drain=cell_pb2.Drain())

    async def main() -> None:
        ours, theirs = socket.socketpair()
        sender = await MessageStream.open(ours, cell_pb2.FromCell)
        receiver = await MessageStream.open(theirs, cell_pb2.ToCell)
        async with asyncio.TaskGroup() as group:
            group.create_task(sender.send(start))
            assert await receiver.receive() == start
        await sender.send(drain)
        sender.close()
        assert await receiver.receive() == drain
        assert await receiver.receive() is None
        receiver.close()

    asyncio.run(main())


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\5ab"])
def test_truncated_message_is_the_end(data: bytes) -> None:
    """The other process died in the middle."""
    assert exchange(data) == [None]


def test_malformed_message_is_an_error() -> None:
    """Neither a length beyond the limit nor bytes that are no message are taken."""
    with pytest.raises(ProtocolError, match="bytes between"):
        exchange((MESSAGE_LIMIT_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(ProtocolError, match="malformed"):
        exchange(b"\0\0\0\2\xff\xff")
