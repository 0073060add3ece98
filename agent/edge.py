"""The public listener of a cell that runs edge workers: aiohttp's low-level server.

A request is matched to a worker, runs in an invocation of its own, and is cancelled when its client
leaves. What a worker did not answer becomes a bare status with `x-mesh-error` and a request id;
names and reasons go to the log.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web

from agent.edge_answer import Sent, send_response
from agent.edge_http import BadRequestError, EdgeBody, end_to_end, read_request
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
            cast("Any", self._handle),  # a Sent has what the server asks of a response
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

    async def _handle(self, raw: web.BaseRequest) -> Sent:
        """Answer one request. Raises: CancelledError where the client left."""
        entrypoint = self._routes.match(raw.headers.get("Host", ""), raw.raw_path)
        if entrypoint is None:
            known = self._routes.is_known_host(raw.headers.get("Host", ""))
            return await _send(raw, _bare(404 if known else 421, "no_route"))
        try:
            request = read_request(raw, self._body_limit_bytes)
        except BadRequestError as error:
            return await _send(raw, _bare(error.status, error.kind))
        body = request._body
        tree = Tree(self._invocation_limit)
        try:
            response = await entrypoint.dispatch(request, Call(tree))
            response._fields = end_to_end(response._fields)
        except CallError as error:
            response = _answer_failure(error, body, tree)
        sent = await _send(raw, response, tree)
        if isinstance(body, EdgeBody) and not body._closed:
            await body.wait_closed()  # a waitUntil task still reads it
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


async def _send(raw: web.BaseRequest, response: Response, tree: Tree | None = None) -> Sent:
    """Send a response; one that breaks off ends the connection, lest it be taken for whole."""
    body = response._body
    try:
        return await send_response(raw, response)
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
