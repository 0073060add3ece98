"""The yardstick: aiohttp answering constant bytes, as many as the example answers."""

from __future__ import annotations

from aiohttp import web

from bench.probe import ANSWER
from bench.serving import serve


async def _handle(request: web.BaseRequest) -> web.Response:  # noqa: ARG001 - aiohttp's signature
    return web.Response(body=ANSWER, content_type="application/json")


if __name__ == "__main__":
    serve(_handle)
