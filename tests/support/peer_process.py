"""A cell that answers links, in a process that a test may kill or freeze. argv: the address."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import uvloop

from agent.peer import PeerServer
from tests.support.link_under_test import Admit
from workers import Response

if TYPE_CHECKING:
    from workers import Request
    from workers.context import Call


async def handle(request: Request, call: Call) -> Response:
    """Answer at once, or never, or with a body that never ends."""
    if request.url.endswith("/wait"):
        await asyncio.Event().wait()
    if request.url.endswith("/stream"):

        async def body():
            yield b"begin"
            await asyncio.Event().wait()

        return Response(body())
    return Response("here")


async def main() -> None:
    server = PeerServer(Admit(handle), agent="b", cell="g/0")
    server.listen(sys.argv[1])
    async with server:
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
