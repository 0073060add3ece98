"""Serves one handler as the mesh's edge serves workers, without the mesh."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def serve(handler: Handler) -> None:
    """Serve on a free port of 127.0.0.1 until the process is ended; say where on stdout."""
    uvloop.run(_serve(handler))


async def _serve(handler: Handler) -> None:
    server = web.Server(
        handler,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=75.0,
    )
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, backlog=1024)
    port = listener.sockets[0].getsockname()[1]
    print(f"ready: http://127.0.0.1:{port}", flush=True)
    await listener.serve_forever()
