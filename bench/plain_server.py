"""The example as one would write it without a mesh: three functions behind one aiohttp handler."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from bench.probe import SECRET
from bench.serving import serve

if TYPE_CHECKING:
    from collections.abc import Mapping


async def gateway(request: web.BaseRequest) -> web.Response:
    verdict = await auth(request.headers)
    if verdict.status != 200:
        return verdict
    return await application(request)


async def auth(headers: Mapping[str, str]) -> web.Response:
    token = headers.get("x-custom-token", "")
    if hmac.compare_digest(token.encode(), SECRET.encode()):
        return web.Response(text="Request allowed")
    return web.Response(text="x-custom-token does not match, request not allowed", status=403)


async def application(request: web.BaseRequest) -> web.Response:
    url = urlsplit(f"{request.scheme}://{request.host}{request.raw_path}")
    body = await request.text()
    return web.Response(
        text=f"Hello from the application\nmethod: {request.method}\npath: {url.path}\n"
        f"query: {url.query}\nbody: {body}\n"
    )


if __name__ == "__main__":
    serve(gateway)
