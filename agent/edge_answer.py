"""Sending a response to a public client, through the writer of aiohttp's request.

aiohttp's own response classes would add fields of their own (`Server`, a default `Content-Type`)
and cost as much as several hops. What is left of their work is here: the length or chunking of the
body, `Date`, `Connection`, and messages without a body.

Source: RFC 9110 sections 6.4.1, 8.6 and 15; RFC 9112 sections 6, 7.1 and 9.3.
"""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from workers.body import ByteStream
from workers.context import Tree
from workers.errors import BodyClosedError
from workers.response import Response

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import CIMultiDict


logger = logging.getLogger(__name__)

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_HTTP_1_1 = (1, 1)


class Sent:
    """What aiohttp's server gets back: an answer that is on its way already.

    `keep_alive` says whether the connection may serve another request. The server would prepare and
    end a response of its own; there is nothing left to do.
    """

    __slots__ = ("keep_alive",)

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive

    async def prepare(self, raw: web.BaseRequest) -> None:
        """Nothing: see the class."""

    async def write_eof(self) -> None:
        """Nothing: see the class."""


KEPT_ALIVE = Sent(keep_alive=True)
CLOSED = Sent(keep_alive=False)


class Clock:
    """The field `Date`, formatted once a second."""

    def __init__(self) -> None:
        self._until = 0.0
        self._text = ""

    def date(self, now: float) -> str:
        """The date as HTTP writes it; `now` is monotonic, in seconds."""
        if now >= self._until:
            self._until = now + 1.0
            self._text = formatdate(usegmt=True)
        return self._text


_clock = Clock()


def bare_response(status: int, kind: str, reason: str, request_id: str = "") -> Response:
    """A response that the mesh made up: no body, the kind, and an id by which the log has more."""
    request_id = request_id or Tree().request_id
    level = logging.WARNING if status >= 500 else logging.INFO
    logger.log(
        level,
        "edge.failed",
        extra={"request_id": request_id, "status": status, "kind": kind, "reason": reason[:500]},
    )
    response = Response(None, status)
    response._fields["x-mesh-error"] = kind
    response._fields["x-request-id"] = request_id
    return response


async def send_response(raw: web.BaseRequest, response: Response, *, keep_alive: bool) -> Sent:
    """Send the whole response, whose header fields are completed on the way.

    Raises: ConnectionError where the client is gone; BodyError or CallError where a streamed body
    broke off, or had another length than it promised: the client must then see the connection end.
    """
    body = response._body
    status = response._status
    fields = response._fields
    has_body = raw.method != "HEAD" and status not in (204, 304)
    if isinstance(body, ByteStream):
        keep_alive = _frame_stream(raw, fields, body.length, has_body=has_body) and keep_alive
    elif has_body or body is not None:
        fields["Content-Length"] = str(len(body or b""))
    if status == 204:
        fields.popall("content-length", None)
    if "date" not in fields:
        fields["Date"] = _clock.date(time.monotonic())
    if not keep_alive:
        fields["Connection"] = "close"
    elif raw.version < _HTTP_1_1:
        fields["Connection"] = "keep-alive"
    reason = response._status_text or _REASONS.get(status, "")
    await raw.writer.write_headers(f"HTTP/1.1 {status} {reason}", fields)
    if not has_body:
        await raw.writer.write_eof()
    elif isinstance(body, ByteStream):
        await _send_stream(raw, body)
    else:
        await raw.writer.write_eof(body or b"")
    return KEPT_ALIVE if keep_alive else CLOSED


def _frame_stream(
    raw: web.BaseRequest, fields: CIMultiDict[str], length: int | None, *, has_body: bool
) -> bool:
    """Say in `fields` how the body ends. Returns False where only the connection's end can say."""
    fields.popall("content-length", None)  # as at Cloudflare: the body knows, not the header
    if length is not None:
        fields["Content-Length"] = str(length)
    elif raw.version >= _HTTP_1_1:
        if has_body:
            fields["Transfer-Encoding"] = "chunked"
            raw.writer.enable_chunking()
    else:
        return not has_body
    return True


async def _send_stream(raw: web.BaseRequest, body: ByteStream) -> None:
    raw.writer.send_headers()  # a reader may wait for them longer than for the first chunk
    sent = 0
    async for chunk in body:
        sent += len(chunk)
        if body.length is not None and sent > body.length:
            raise BodyClosedError(f"the body has more than the {body.length} bytes it promised")
        await raw.writer.write(chunk)
    if body.length is not None and sent < body.length:
        raise BodyClosedError(f"the body has {sent} bytes, {body.length} were promised")
    await raw.writer.write_eof()
