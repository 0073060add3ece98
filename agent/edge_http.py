"""From aiohttp's view of a request to the workers' view.

Requests come in with their absolute URL, without hop-by-hop fields and without `x-mesh-*`; bodies
stream. `edge.py` chooses the worker and handles failures; `edge_answer.py` sends responses.

Source: RFC 9110 sections 7.6.1 (hop-by-hop), 10.1.1 (Expect); RFC 9112 section 3.2 (target).
"""

from __future__ import annotations

import asyncio
import functools
import re
from typing import TYPE_CHECKING

from aiohttp import ClientPayloadError, web
from multidict import CIMultiDict
from yarl import URL

from workers.body import ByteStream
from workers.errors import BodyClosedError, BodyLimitError
from workers.request import Request
from workers.url import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping


HOP_BY_HOP = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
_HTTP_1_1 = (1, 1)
_MESH_PREFIX = "x-mesh-"
_END_TO_END = frozenset({"authorization", "cookie", "host", "content-length", "content-type"})
"""Fields that a client cannot have removed by naming them in Connection."""

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class BadRequestError(Exception):
    """The request cannot be served; the client gets `status`, and `kind` as x-mesh-error."""

    def __init__(self, reason: str, status: int = 400, kind: str = "bad_request") -> None:
        super().__init__(reason)
        self.status = status
        self.kind = kind


def read_request(raw: web.BaseRequest, limit_bytes: int) -> Request:
    """The worker's request. Raises: BadRequestError."""
    fields = raw.headers
    host = fields.get("Host", "") if raw.version >= _HTTP_1_1 else raw.host  # or our address
    target = raw.raw_path
    if not is_authority(host):
        raise BadRequestError("no valid Host")
    if not target.startswith("/"):
        target = _path_of(raw, host)
    return Request._received(
        raw.method,
        f"http://{host}{target}",
        _as_text(end_to_end(fields)),
        _body_of(raw, limit_bytes) if raw.body_exists else None,
    )


def _path_of(raw: web.BaseRequest, host: str) -> str:
    """The path of a request whose target is not a path: absolute-form, or `*` of OPTIONS."""
    if raw.raw_path == "*" and raw.method == "OPTIONS":
        return "/*"
    try:
        url = URL(raw.raw_path, encoded=True)
    except ValueError:
        raise BadRequestError("the request target is not a URL") from None
    if not url.absolute or url.raw_authority.lower() != host.lower():
        raise BadRequestError("the request target does not fit the Host")
    return url.raw_path_qs


def _as_text(fields: CIMultiDict[str]) -> CIMultiDict[str]:
    """The fields, with values that are not UTF-8 read as Latin-1, as WHATWG Fetch reads all."""
    if "".join(fields.values()).isascii():  # one test for all of them: this is the hot path
        return fields
    return CIMultiDict((name, _decode(value)) for name, value in fields.items())


def _decode(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


@functools.lru_cache(maxsize=1024)
def is_authority(host: str) -> bool:
    """Whether `host` is what RFC 9110 section 7.2 allows in the field Host, and a URL may have."""
    if _AUTHORITY.fullmatch(host) is None:
        return False
    try:
        normalise(f"http://{host}/")
    except TypeError:
        return False
    return True


def end_to_end(fields: Mapping[str, str]) -> CIMultiDict[str]:
    """A copy of the fields without those that are for the next hop, or for the mesh, only."""
    kept = CIMultiDict(fields)
    for name in fields:
        if stops_here(name):
            if name.lower() == "connection":
                _drop_named(kept)
            kept.popall(name, None)
    return kept


@functools.lru_cache(maxsize=1024)
def stops_here(name: str) -> bool:
    """Whether the field `name` is for the next hop, or for the mesh, only."""
    lower = name.lower()
    return lower in HOP_BY_HOP or lower.startswith(_MESH_PREFIX)


def _drop_named(fields: CIMultiDict[str]) -> None:
    for value in fields.getall("connection", ()):
        for name in value.split(","):
            if (option := name.strip(" \t")).lower() not in _END_TO_END:
                fields.popall(option, None)


def _body_of(raw: web.BaseRequest, limit_bytes: int) -> bytes | ByteStream:
    """Bytes where the whole body has arrived already, else a stream."""
    length = raw.content_length
    if length is not None and length > limit_bytes:
        raise BadRequestError("the body is too large", 413, "body_too_large")
    if raw.content.is_eof() and raw.content.exception() is None:
        body = raw.content.read_nowait()
        if len(body) > limit_bytes:
            raise BadRequestError("the body is too large", 413, "body_too_large")
        return body
    return EdgeBody(raw, limit_bytes)


class EdgeBody(ByteStream):
    """The body that a client is sending."""

    __slots__ = ("_is_expected", "_limit_bytes", "_raw", "_read_bytes", "_waiter", "is_too_large")

    def __init__(self, raw: web.BaseRequest, limit_bytes: int) -> None:
        super().__init__(raw.content_length)
        self._raw = raw
        self._limit_bytes = limit_bytes
        self._read_bytes = 0
        self._is_expected = raw.headers.get("Expect", "").lower() == "100-continue"
        self._waiter: asyncio.Future[None] | None = None
        self.is_too_large = False

    async def _next(self) -> bytes:
        self.ask_for_it()
        try:
            chunk = await self._raw.content.readany()
        except (ClientPayloadError, web.RequestPayloadError, ConnectionError) as error:
            raise BodyClosedError("the client broke off the request body") from error
        self._read_bytes += len(chunk)
        if self._read_bytes > self._limit_bytes:
            self.is_too_large = True
            raise BodyLimitError(f"the request body is larger than {self._limit_bytes} bytes")
        return chunk

    def ask_for_it(self) -> None:
        """Tell a client that waits for it to send the body; not once the response has begun."""
        transport = self._raw.transport
        if self._is_expected and transport is not None and not self._raw.content.total_bytes:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._is_expected = False

    async def _close(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait_closed(self) -> None:
        """Wait until the invocation that has this body is over."""
        if not self._closed:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
