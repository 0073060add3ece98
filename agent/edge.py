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

from aiohttp import web

from agent.edge_answer import Sent, send_response
from agent.edge_http import BadRequestError, EdgeBody, end_to_end, read_request
from agent.edge_log import protocol_logger
from mesh.wire.failures import public_status
from workers.body import ByteStream
from workers.context import Call, Tree
from workers.errors import BodyError, CallError
from workers.response import Response

if TYPE_CHECKING:
    import socket
    from typing import Self

    from agent.edge_routes import EdgeRoutes
    from agent.host import Entrypoint

logger = logging.getLogger(__name__)

KEEPALIVE_SECONDS = 75.0
"""How long an idle connection stays open: longer than the usual 60 s of a load balancer in front,
which must be the one that closes."""

CANCEL_SECONDS = 0.2
"""What aiohttp waits, twice, before it cancels what still runs; and what that may take to end."""

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
        self._in_flight = 0
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._http = web.Server(
            cast("Any", self._handle),  # a Sent has what the server asks of a response
            handler_cancellation=True,
            access_log=None,
            logger=protocol_logger,
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
            return await _send(raw, _bare(error.status, error.kind))
        entrypoint = self._routes.only or self._routes.match(request.url)
        if entrypoint is None:
            status = 404 if self._routes.is_known_host(request.url) else 421
            return await _send(raw, _bare(status, "no_route"))
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
    """What the public gets for a call that failed; the reason goes to the log."""
    if isinstance(body, EdgeBody) and body.is_too_large:
        return _bare(413, "body_too_large")
    logger.warning(
        "edge.failed",
        extra={"request_id": tree.request_id, "kind": error.kind, "reason": str(error)},
    )
    return _bare(public_status(error), error.kind, tree.request_id)


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
        return Sent(keep_alive=False)  # the client is gone
    except (BodyError, CallError) as error:
        request_id = tree.request_id if tree is not None else ""
        logger.warning("edge.broke_off", extra={"request_id": request_id, "reason": str(error)})
        if raw.transport is not None:
            raw.transport.abort()
        return Sent(keep_alive=False)
    finally:
        if isinstance(body, ByteStream):
            await body.aclose()


def _bare(status: int, kind: str, request_id: str = "") -> Response:
    """A response that the mesh made up: without a body; the log has more under the request id."""
    response = Response(None, status)
    response._fields["x-mesh-error"] = kind
    if request_id:
        response._fields["x-request-id"] = request_id
    return response
