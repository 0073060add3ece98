"""gRPC with the options of the mesh."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from mesh.errors import StartError
from mesh.transport.channels import listen, new_server, open_channel
from mesh.v1.link_pb2 import FrameBatch
from mesh.v1.link_pb2_grpc import PeerServicer, PeerStub, add_PeerServicer_to_server

if TYPE_CHECKING:
    from pathlib import Path


class Echo(PeerServicer):
    async def Link(self, request_iterator: Any, context: Any) -> Any:
        async for batch in request_iterator:
            yield batch


@pytest.mark.slow
def test_idle_stream_stays_open(tmp_path: Path) -> None:
    """Keepalive looks for dead peers every 2 s; a listener must not take that for an attack."""

    async def main() -> None:
        server = new_server()
        add_PeerServicer_to_server(Echo(), server)
        port = listen(server, "127.0.0.1:0")
        listen(server, f"unix:{tmp_path}/s")
        await server.start()
        channels = [open_channel(f"127.0.0.1:{port}"), open_channel(f"unix:{tmp_path}/s")]
        try:
            calls: list[Any] = [PeerStub(channel).Link() for channel in channels]
            for call in calls:
                await call.write(FrameBatch())
                await call.read()
            await asyncio.sleep(15)  # three strikes of pings, and more
            for call in calls:
                await call.write(FrameBatch())
                assert await call.read() == FrameBatch()
                call.cancel()
        finally:
            for channel in channels:
                await channel.close()
            await server.stop(0)

    asyncio.run(main())


def test_port_that_is_taken_is_an_error() -> None:
    """Two servers would split the traffic unnoticed, as gRPC does by default."""

    async def main() -> None:
        one, two = new_server(), new_server()
        port = listen(one, "127.0.0.1:0")
        with pytest.raises(StartError, match=f"127.0.0.1:{port}"):
            listen(two, f"127.0.0.1:{port}")
        await one.stop(0)
        await two.stop(0)

    asyncio.run(main())
