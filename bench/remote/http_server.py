"""aiohttp's low-level server, without a router."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from aiohttp import web

from bench.remote.certificates import HOST, Certificates
from bench.remote.envelope import BODY, RESPONSE_FIELDS, chunks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


async def _handle(request: web.BaseRequest) -> web.StreamResponse:
    if request.path == "/verify":
        await request.read()
        return web.Response(body=BODY, headers=RESPONSE_FIELDS)
    if request.path == "/upload":
        count = 0
        async for chunk in request.content.iter_any():
            count += len(chunk)
        return web.Response(body=str(count).encode())
    return await _download(request, int(request.path.rpartition("/")[2]))


async def _download(request: web.BaseRequest, length: int) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_length = length
    await response.prepare(request)
    with suppress(ConnectionResetError):  # the caller has enough
        async for chunk in chunks(length):
            await response.write(chunk)
        await response.write_eof()
    return response


@asynccontextmanager
async def listening(directory: Path) -> AsyncIterator[dict[str, str]]:
    """Listen on TCP, a Unix socket and TLS. Gives the addresses by these names."""
    loop = asyncio.get_running_loop()
    server = web.Server(_handle, access_log=None, handler_cancellation=True, auto_decompress=False)
    path = str(directory / "http.sock")
    context = Certificates.issued().server_context()
    plain = await loop.create_server(server, HOST, 0)
    unix = await loop.create_unix_server(server, path)
    tls = await loop.create_server(server, HOST, 0, ssl=context)
    yield {
        "tcp": f"{HOST}:{plain.sockets[0].getsockname()[1]}",
        "unix": f"unix:{path}",
        "tls": f"{HOST}:{tls.sockets[0].getsockname()[1]}",
    }
    for listener in (plain, unix, tls):
        listener.close()
    await server.shutdown(1.0)
