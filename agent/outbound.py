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

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
        for name in ("host", "content-length", "accept-encoding"):  # the client knows better
            fields.popall(name, None)
        body = request._take()
        if isinstance(body, ByteStream) and body.length is not None:
            fields["content-length"] = str(body.length)
        try:
            answer = await self._session.request(
                request._method,
                URL(request.url, encoded=True),
                headers=fields,
                data=body,
                allow_redirects=request.redirect == "follow",
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(
                f"fetch of {request.url} failed: {str(error) or type(error).__name__}"
            ) from error
        if request.redirect == "error" and answer.status in _REDIRECTS:
            answer.close()
            raise OSError(f"fetch of {request.url} was redirected, which redirect='error' forbids")
        return _to_response(answer)


def _to_response(answer: aiohttp.ClientResponse) -> Response:
    fields = end_to_end(answer.headers)
    length = answer.content_length
    if "content-encoding" in fields:  # the client decodes it
        fields.popall("content-encoding")
        fields.popall("content-length", None)
        length = None
    response = Response()
    response._status = answer.status
    if answer.reason is not None and answer.reason.isprintable():
        response._status_text = answer.reason
    response._fields = fields
    response._body = None if answer.method == "HEAD" else _AnswerBody(answer, length)
    if response._body is None:
        answer.close()
    response.url = str(answer.url)
    response.redirected = bool(answer.history)
    return response


class _AnswerBody(ByteStream):
    __slots__ = ("_answer",)

    def __init__(self, answer: aiohttp.ClientResponse, length: int | None) -> None:
        super().__init__(length)
        self._answer = answer

    async def _next(self) -> bytes:
        try:
            return await self._answer.content.readany()
        except aiohttp.ClientError as error:
            raise OSError(f"the answer of {self._answer.url} broke off: {error}") from error

    async def _close(self) -> None:
        self._answer.close()
