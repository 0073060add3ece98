"""aiohttp's low-level server, with our answer to what it cannot parse.

A malformed request never reaches a worker. aiohttp would answer it with a page that quotes it, and
log a traceback; here it is a bare status, and one line in the log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from agent.edge_answer import bare_response, send_response

if TYPE_CHECKING:
    from workers.response import Response

logger = logging.getLogger(__name__)


class _Refusal:
    """An answer that aiohttp sends for itself, on a connection that ends with it."""

    keep_alive = False

    def __init__(self, response: Response) -> None:
        self._response = response

    async def prepare(self, raw: web.BaseRequest) -> None:
        await send_response(raw, self._response, keep_alive=False)

    async def write_eof(self) -> None:
        """Nothing: `prepare` has sent everything."""


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> Any:  # a _Refusal has what the server asks of a response
        """Answer a request that could not be parsed, or for which our own code failed."""
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun, nothing else can be said")
        if not isinstance(exc, HttpProcessingError):
            logger.error("edge.crashed", exc_info=exc)
            return _Refusal(bare_response(500, "internal", type(exc).__name__))
        if isinstance(exc, LineTooLong):
            return _Refusal(bare_response(431, "headers_too_large", message or ""))
        return _Refusal(bare_response(status, "bad_request", message or ""))


class EdgeServer(web.Server):
    """A protocol factory for the event loop: each connection is one of ours."""

    def __call__(self) -> web.RequestHandler:
        """A new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)
