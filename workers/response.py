"""The response that a worker returns or gets.

Source: WHATWG Fetch, "Response class"; Cloudflare, Python Workers SDK.
"""

from __future__ import annotations

import json as json_module
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from workers.body import Body, ByteStream, to_body
from workers.context import clone_stream
from workers.headers import Headers, to_fields
from workers.url import normalise

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from workers.body import BodyInit, Data
    from workers.headers import HeadersInit

_NULL_BODY = frozenset({101, 204, 205, 304})
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REASON_PHRASE = re.compile(r"[^\x00-\x08\n-\x1f\x7f\ud800-\udfff]*")  # RFC 9112 section 4
_TEXT = CIMultiDict({"content-type": "text/plain;charset=UTF-8"})


class HttpStatusError(OSError):
    """`raise_for_status` found a status of 400 or more, which is in `status`."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Json:
    """`Response.json(data)` on the class makes a response; `await response.json()` parses one."""

    def __get__(self, instance: Response | None, owner: type[Response]) -> Any:
        return owner.from_json if instance is None else super(Response, instance).json


class Response(Body):
    """An HTTP response. Its body can be read once; `clone()` first to read it twice.

    `body` is text, bytes, or an asynchronous iterable of them.

    Raises: TypeError for a body or header of the wrong form, or a body with a status that has none
    (101, 204, 205, 304); ValueError for a status outside 200 to 599.
    """

    __slots__ = ("_fields", "_status", "_status_text", "redirected", "url")

    def __init__(
        self,
        body: BodyInit = None,
        status: int | HTTPStatus | None = None,
        status_text: str = "",
        headers: HeadersInit = None,
    ) -> None:
        self._body = to_body(body, "Response")
        self._used = False
        self._status = 200 if status is None else _to_status(status)
        self._status_text = _to_reason(status_text) if status_text else ""
        self.url = ""
        self.redirected = False
        if headers is None:
            self._fields = _TEXT.copy() if isinstance(body, str) else CIMultiDict()
        else:
            self._fields = to_fields(headers)
            if isinstance(body, str):
                self._fields.setdefault("content-type", "text/plain;charset=UTF-8")
        if self._status in _NULL_BODY and body is not None:
            raise TypeError(
                "Response with null body status (101, 204, 205, or 304) cannot have a body"
            )

    def _hand_over(self) -> Response:
        """The same response for somebody else, who gets its body. Raises: BodyUsedError."""
        return self._with(self._take())

    def _with(self, body: Data | ByteStream | None) -> Response:
        response = Response.__new__(Response)
        response._body = body
        response._used = False
        response._status = self._status
        response._status_text = self._status_text
        response.url = self.url
        response.redirected = self.redirected
        response._fields = self._fields.copy()
        return response

    @property
    def status(self) -> int:
        """The status code, 200 to 599."""
        return self._status

    @property
    def status_text(self) -> str:
        """The reason phrase, the registered one where none was given."""
        return self._status_text or _REASONS.get(self._status, "")

    statusText = status_text  # noqa: N815 - JavaScript's name

    @property
    def headers(self) -> Headers:
        """The header fields; changes take effect on this response."""
        return Headers._view(self._fields)

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status <= 299

    @staticmethod
    def from_json(
        data: Any,
        status: int | HTTPStatus = 200,
        status_text: str = "",
        headers: HeadersInit = None,
    ) -> Response:
        """A response with `data` as JSON. Raises: TypeError where it cannot be JSON."""
        response = Response(json_module.dumps(data).encode(), status, status_text)
        response._fields = to_fields(headers)
        response._fields.setdefault("content-type", "application/json")
        return response

    json = _Json()  # two functions under one name, as at Cloudflare

    @staticmethod
    def redirect(url: str, status: int = 302) -> Response:
        """A redirect to the absolute `url`. Raises: ValueError, TypeError."""
        if status not in _REDIRECTS:
            raise ValueError(f"{status} is not a redirect status (301, 302, 303, 307, 308)")
        if not isinstance(url, str):
            raise TypeError(f"a redirect needs a URL, not {type(url).__name__}")
        if url.startswith("/"):
            raise TypeError(f"Unable to parse URL: {url}")
        return Response(None, status, headers={"location": normalise(url)})

    def replace_body(self, body: BodyInit) -> Response:
        """A response with the same status and headers, and another body of another length."""
        response = Response(body, self.status, self.status_text, headers=self.headers)
        response._fields.popall("content-length", None)
        return response

    def raise_for_status(self) -> None:
        """Raises: HttpStatusError where the status is 400 or more."""
        if self.status >= 400:
            side = "Client" if self.status < 500 else "Server"
            raise HttpStatusError(
                f"{self.status} {side} Error: {self.status_text} for url: {self.url}", self.status
            )

    def string(self) -> Awaitable[str]:
        """`text()` under Cloudflare's other name for it."""
        return self.text()

    def clone(self) -> Response:
        """A second response with a body of its own; see `Request.clone`. Raises: BodyUsedError."""
        body = self._take()
        self._used = False
        if isinstance(body, ByteStream):
            self._body, body = clone_stream(body)
        return self._with(body)

    def __repr__(self) -> str:
        content_type = self._fields.get("content-type", "")
        return (
            f"Response(status={self.status}, status_text={self.status_text!r}, "
            f"content_type={content_type!r})"
        )


def _to_status(status: int | HTTPStatus) -> int:
    if type(status) is not int and not isinstance(status, HTTPStatus):
        raise TypeError(f"a response status must be a number, not {type(status).__name__}")
    if not 200 <= status <= 599:
        raise ValueError(f"a response status must be 200 to 599, not {status}")
    return int(status)


def _to_reason(text: str) -> str:
    if not _REASON_PHRASE.fullmatch(text):
        raise TypeError(f"{text!r} is not a valid status text")
    return text
