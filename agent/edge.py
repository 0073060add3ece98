"""The public listener of a cell that runs edge workers: aiohttp's low-level server.

A request is matched to a worker, runs in an invocation of its own, and is cancelled when its client
leaves. What a worker did not answer becomes a bare status with `x-mesh-error` and a request id;
names and reasons go to the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, cast

from agent.edge_answer import CLOSED, Sent, bare_response, send_response
from agent.edge_http import BadRequestError, EdgeBody, end_to_end, read_request
from agent.edge_server import EdgeServer
from mesh.wire.failures import public_status
from workers.body import ByteStream
from workers.context import Call, Tree
from workers.errors import BodyError, CallError

if TYPE_CHECKING:
    import socket
    from typing import Self

    from aiohttp import web

    from agent.edge_routes import EdgeRoutes
    from agent.host import Entrypoint
    from workers.response import Response

logger = logging.getLogger(__name__)

KEEPALIVE_SECONDS = 75.0
"""How long an idle connection stays open: longer than the usual 60 s of a load balancer in front,
which must be the one that closes."""

CANCEL_SECONDS = 0.2
"""What aiohttp waits, twice, before it cancels what still runs; and what that may take to end."""

MAX_LINE_BYTES = 16 * 1024
"""Request line, and one header field; Cloudflare's limit for a URL."""


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
        self._http: EdgeServer | None = None
        self._listener: asyncio.Server | None = None
        self._in_flight = 0
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._http = EdgeServer(
            cast("Any", self._handle),  # a Sent has what the server asks of a response
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._http, sock=self._socket, backlog=1024)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.drain(0.0)

    async def drain(self, timeout_seconds: float) -> None:
        """Accept nothing more, close idle connections, let the others finish for a while.

        What is left after `timeout_seconds` is cancelled.
        """
        if self._listener is None or self._http is None:
            return
        self._listener.close()
        self._listener = None
        self._http.pre_shutdown()
        await self._wait_idle(timeout_seconds)
        await self._http.shutdown(CANCEL_SECONDS)
        await self._wait_idle(CANCEL_SECONDS)

    async def _wait_idle(self, timeout_seconds: float) -> None:
        self._idle.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._in_flight:
                    await self._idle.wait()
                    self._idle.clear()

    async def _handle(self, raw: web.BaseRequest) -> Sent:
        """Answer one request. Raises: CancelledError where the client left."""
        self._in_flight += 1
        try:
            return await self._answer(raw)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def _answer(self, raw: web.BaseRequest) -> Sent:
        try:
            request = read_request(raw, self._body_limit_bytes)
        except BadRequestError as error:
            return await _send(raw, bare_response(error.status, error.kind, str(error)))
        entrypoint = self._routes.only or self._routes.match(request.url)
        if entrypoint is None:
            status = 404 if self._routes.is_known_host(request.url) else 421
            return await _send(raw, bare_response(status, "no_route", request.url))
        body = request._body
        tree = Tree(self._invocation_limit)
        try:
            response = await entrypoint.dispatch(request, Call(tree))
            response._fields = end_to_end(response._fields)
        except CallError as error:
            response = _answer_failure(error, body, tree)
        if not isinstance(body, EdgeBody) or body._closed:
            return await _send(raw, response, tree)
        body.ask_for_it()  # a response that streams, or a waitUntil task, may still read it
        is_last = not isinstance(response._body, ByteStream)
        sent = await _send(raw, response, tree, is_last=is_last)
        await body.wait_closed()
        return sent


def _answer_failure(error: CallError, body: object, tree: Tree) -> Response:
    """What the public gets for a call that failed."""
    if isinstance(body, EdgeBody) and body.is_too_large:
        return bare_response(413, "body_too_large", str(error), tree.request_id)
    return bare_response(public_status(error), type(error).kind, str(error), tree.request_id)


async def _send(
    raw: web.BaseRequest, response: Response, tree: Tree | None = None, *, is_last: bool = False
) -> Sent:
    """Send a response; one that breaks off ends the connection, lest it be taken for whole.

    `is_last` tells the client that the connection takes no further request.
    """
    body = response._body
    try:
        return await send_response(raw, response, keep_alive=raw.keep_alive and not is_last)
    except ConnectionError:
        return CLOSED  # the client is gone
    except (BodyError, CallError) as error:
        request_id = tree.request_id if tree is not None else ""
        logger.warning("edge.broke_off", extra={"request_id": request_id, "reason": str(error)})
        if raw.transport is not None:
            raw.transport.abort()
        return CLOSED
    finally:
        if isinstance(body, ByteStream):
            await body.aclose()
