"""Protobuf messages over the socket pair between an agent and a cell.

Each message stands behind its length as four bytes, big endian. The messages themselves are
described in `proto/mesh/v1/cell.proto`.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from mesh.errors import ProtocolError

if TYPE_CHECKING:
    import socket
    from typing import Self

MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024

_LENGTH = struct.Struct(">I")

Incoming = TypeVar("Incoming", bound=Message)
Outgoing = TypeVar("Outgoing", bound=Message)


class MessageStream(Generic[Incoming, Outgoing]):
    """One end of the socket pair: sends `Outgoing` and receives `Incoming` messages."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, incoming: type[Incoming]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming = incoming

    @classmethod
    async def open(cls, end: socket.socket, incoming: type[Incoming]) -> Self:
        """Take over `end` of a socket pair."""
        end.setblocking(False)  # noqa: FBT003 - the standard library's form
        reader, writer = await asyncio.open_unix_connection(sock=end)
        return cls(reader, writer, incoming)

    async def send(self, message: Outgoing) -> None:
        """Send one message. Raises: ConnectionError where the other end is gone."""
        self.send_soon(message)
        await self._writer.drain()

    def send_soon(self, message: Outgoing) -> None:
        """Send one message without waiting; what is sent to an end that is gone is lost.

        It is kept in memory until the other end reads it: wait for an answer before the next one.
        """
        data = message.SerializeToString()
        self._writer.write(_LENGTH.pack(len(data)) + data)

    async def receive(self) -> Incoming | None:
        """The next message, None at the end. Raises: ProtocolError."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > MESSAGE_LIMIT_BYTES:
                raise ProtocolError(f"a message of {length} bytes between agent and cell")
            data = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        message = self._incoming()
        try:
            message.ParseFromString(data)
        except DecodeError as error:
            raise ProtocolError(f"a malformed message between agent and cell: {error}") from error
        return message

    def close(self) -> None:
        """Close this end; the other one reads the end of the stream."""
        self._writer.close()
