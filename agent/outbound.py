"""The channel of the global `fetch()`: to the outside world, over one pooled client per cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from agent.edge_http import end_to_end
from workers.body import ByteStream
from workers.response import Response

if TYPE_CHECKING:
    from workers.context import Call
    from workers.request import Request


class OutboundChannel:
    """Sends requests to where their URL says. A resource: close it."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the pooled connections. May be called twice."""
        if self._session is not None:
            await self._session.close()

    async def call(self, request: Request, call: Call) -> Response:  # noqa: ARG002 - a Channel
        """Fetch `request.url`. Raises: OSError where there is no answer."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar()
            )
        fields = end_to_end(request._fields)
        fields.popall("host", None)
        try:
            answer = await self._session.request(
                request._method,
                URL(request.url, encoded=True),
                headers=fields,
                data=request._take(),
                allow_redirects=request.redirect == "follow",
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(
                f"fetch of {request.url} failed: {str(error) or type(error).__name__}"
            ) from error
        return _to_response(answer)


def _to_response(answer: aiohttp.ClientResponse) -> Response:
    fields = end_to_end(answer.headers)
    if "content-encoding" in fields:  # the client has decoded it
        fields.popall("content-encoding")
        fields.popall("content-length", None)
    response = Response(None, max(answer.status, 200), answer.reason or "")
    response._fields = fields
    response._body = _AnswerBody(answer)
    response.url = str(answer.url)
    response.redirected = bool(answer.history)
    return response


class _AnswerBody(ByteStream):
    __slots__ = ("_answer",)

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        super().__init__(answer.content_length)
        self._answer = answer

    async def _next(self) -> bytes:
        try:
            return await self._answer.content.readany()
        except aiohttp.ClientError as error:
            raise OSError(f"the answer of {self._answer.url} broke off: {error}") from error

    async def _close(self) -> None:
        self._answer.close()
