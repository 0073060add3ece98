"""The public listener of a cell that runs edge workers: aiohttp's low-level server.

A request is matched to a worker, runs in an invocation of its own, and is cancelled when its client
leaves. What a worker did not answer becomes a bare status with `x-mesh-error` and a request id;
names and reasons go to the log.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from agent.edge_http import (
    BadRequestError,
    EdgeBody,
    read_request,
    stream_response,
    whole_response,
)
from mesh.wire.failures import public_status
from workers.body import ByteStream
from workers.context import Call, Tree
from workers.errors import BodyError, CallError

if TYPE_CHECKING:
    import socket
    from typing import Self

    from agent.edge_routes import EdgeRoutes
    from agent.host import Entrypoint
    from workers.response import Response

logger = logging.getLogger(__name__)

KEEPALIVE_SECONDS = 75.0
"""How long an idle connection stays open: longer than the usual 60 s of a load balancer in front,
which must be the one that closes."""

MAX_LINE_BYTES = 16 * 1024
"""Request line; Cloudflare's limit for a URL."""


class EdgeListener:
    """Serves public HTTP on a listening socket that was bound by the agent."""

    def __init__(
        self,
        listening: socket.socket,
        routes: EdgeRoutes[Entrypoint],
        *,
        body_limit_bytes: int,
        invocation_limit: int,
    ) -> None:
        self._socket = listening
        self._routes = routes
        self._body_limit_bytes = body_limit_bytes
        self._invocation_limit = invocation_limit
        self._http: web.Server | None = None
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._http = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            max_line_size=MAX_LINE_BYTES,
        )
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._http, sock=self._socket, backlog=1024)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.drain(0.0)

    async def drain(self, timeout_seconds: float) -> None:
        """Accept nothing more, close idle connections, let the others finish for a while."""
        if self._listener is None or self._http is None:
            return
        self._listener.close()
        self._http.pre_shutdown()
        await self._http.shutdown(timeout_seconds)
        self._listener = None

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        entrypoint = self._routes.match(raw.headers.get("Host", ""), raw.raw_path)
        if entrypoint is None:
            return self._no_route(raw)
        try:
            request = read_request(raw, self._body_limit_bytes)
        except BadRequestError as error:
            return _bare(error.status, "bad_request" if error.status == 400 else "body_too_large")
        body = request._body
        tree = Tree(self._invocation_limit)
        try:
            response = await entrypoint.dispatch(request, Call(tree))
        except CallError as error:
            if isinstance(body, EdgeBody) and body.is_too_large:
                return _bare(413, "body_too_large")
            logger.warning(
                "edge.failed",
                extra={"request_id": tree.request_id, "kind": error.kind, "reason": str(error)},
            )
            return _bare(public_status(error), error.kind, tree.request_id)
        answer = await _send(raw, response, tree)
        if isinstance(body, EdgeBody) and not body._closed:
            await _finish_sending(raw, answer)
            await body.wait_closed()  # a waitUntil task still reads it
        return answer

    def _no_route(self, raw: web.BaseRequest) -> web.Response:
        known = self._routes.is_known_host(raw.headers.get("Host", ""))
        return _bare(404 if known else 421, "no_route")


async def _send(raw: web.BaseRequest, response: Response, tree: Tree) -> web.StreamResponse:
    body = response._body
    if not isinstance(body, ByteStream):
        return whole_response(response, raw.method)
    try:
        return await stream_response(raw, response, body)
    except (BodyError, CallError) as error:
        logger.warning(
            "edge.broke_off", extra={"request_id": tree.request_id, "reason": str(error)}
        )
        if raw.transport is not None:
            raw.transport.abort()  # the one way to say that the body is not whole
        raise ConnectionResetError("the response body broke off") from error
    finally:
        await body.aclose()


async def _finish_sending(raw: web.BaseRequest, answer: web.StreamResponse) -> None:
    await answer.prepare(raw)
    await answer.write_eof()


def _bare(status: int, kind: str, request_id: str = "") -> web.Response:
    headers = {"x-mesh-error": kind}
    if request_id:
        headers["x-request-id"] = request_id
    return web.Response(status=status, headers=headers)
