"""Streams of batches over gRPC: the only place that knows how a link travels.

No error of gRPC gets out, and nothing of ours gets into one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from mesh.channel.stream import StreamLostError
from mesh.errors import ProtocolError
from mesh.transport.channels import open_channel
from mesh.transport.reasons import short_reason
from mesh.v1 import link_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from mesh.channel.stream import FrameStream
    from mesh.v1.link_pb2 import FrameBatch


@contextmanager
def _map_errors() -> Iterator[None]:
    try:
        yield
    except aio.AioRpcError as error:
        raise StreamLostError(short_reason(error.details() or error.code().name)) from None
    except (grpc.RpcError, aio.BaseError, asyncio.InvalidStateError) as error:
        raise StreamLostError(f"{type(error).__name__}: {error}") from None
    except DecodeError:
        raise ProtocolError("a batch that is no FrameBatch") from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # gRPC says it like this when the call, not the task, was cancelled
        raise StreamLostError("the peer cancelled the stream") from None


class _DialledStream:
    """The calling end."""

    def __init__(self, call: aio.StreamStreamCall[FrameBatch, FrameBatch]) -> None:
        self._call = call

    async def read(self) -> FrameBatch | None:
        with _map_errors():
            batch = await self._call.read()
            if batch is not aio.EOF:
                return batch  # type: ignore[return-value]  # EOF has no type of its own
            if await self._call.code() is grpc.StatusCode.OK:
                return None
        raise StreamLostError(short_reason(await self._call.details() or "the stream failed"))

    async def write(self, batch: FrameBatch) -> None:
        with _map_errors():
            await self._call.write(batch)

    async def close_writing(self) -> None:
        with _map_errors():
            await self._call.done_writing()


class _AcceptedStream:
    """The called end."""

    def __init__(self, context: Any) -> None:  # generic in the stubs, plain at run time
        self._context = context

    async def read(self) -> FrameBatch | None:
        with _map_errors():
            batch = await self._context.read()
            return None if batch is aio.EOF else batch

    async def write(self, batch: FrameBatch) -> None:
        with _map_errors():
            await self._context.write(batch)

    async def close_writing(self) -> None:
        """Nothing: the called end closes by ending its handler."""


@asynccontextmanager
async def dial(
    address: str, connect_seconds: float, credentials: grpc.ChannelCredentials | None = None
) -> AsyncIterator[FrameStream]:
    """A stream to the cell at `address`. Raises: StreamLostError where it cannot be reached."""
    channel = open_channel(address, credentials)
    try:
        # of a generic type: the stub of a call with an asynchronous channel
        call: Any = link_pb2_grpc.PeerStub(channel).Link()
        try:
            await _wait_connected(call, connect_seconds)
            yield _DialledStream(call)
        finally:
            call.cancel()  # gRPC never collects a call that was not ended
    finally:
        await channel.close()


async def _wait_connected(call: Any, connect_seconds: float) -> None:
    try:
        async with asyncio.timeout(connect_seconds):
            with _map_errors():
                await call.wait_for_connection()
    except TimeoutError:
        raise StreamLostError(f"no connection within {connect_seconds:g} s") from None


class _Servicer(link_pb2_grpc.PeerServicer):
    def __init__(self, handle: Callable[[FrameStream], Awaitable[None]]) -> None:
        self._handle = handle

    async def Link(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]  # noqa: ARG002, N802 - gRPC's shape
        await self._handle(_AcceptedStream(context))


def serve_links(server: aio.Server, handle: Callable[[FrameStream], Awaitable[None]]) -> None:
    """Let `handle` have every link that `server` accepts, until it returns. It must not raise."""
    link_pb2_grpc.add_PeerServicer_to_server(_Servicer(handle), server)
