"""The request that a worker receives or makes.

Source: WHATWG Fetch, "Request class"; Cloudflare, Python Workers SDK.
"""

from __future__ import annotations

from http import HTTPMethod
from typing import TYPE_CHECKING

from workers.body import Body, ByteStream, to_body
from workers.context import clone_stream
from workers.headers import Headers, is_token, to_fields
from workers.url import normalise

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from workers.body import BodyInit, Data
    from workers.headers import HeadersInit

_METHODS: dict[str, HTTPMethod | str] = {method.value: method for method in HTTPMethod}
_BODILESS = frozenset({"GET", "HEAD"})
_REDIRECT_MODES = frozenset({"follow", "manual", "error"})


class Request(Body):
    """An HTTP request. Its body can be read once; `clone()` first to read it twice.

    `input` is a URL or another request, whose body then belongs to the new one. `body` is text,
    bytes, or an asynchronous iterable of them.

    Raises: TypeError for a URL, body or header of the wrong form; BodyUsedError where the body of
    `input` is gone.
    """

    __slots__ = ("_fields", "_method", "_redirect", "_url", "_url_is_normal")
    _fields: CIMultiDict[str]
    _method: str
    _redirect: str
    _url: str
    _url_is_normal: bool

    def __init__(
        self,
        input: str | Request,  # noqa: A002 - the web platform's name
        *,
        method: str | None = None,
        headers: HeadersInit = None,
        body: BodyInit = None,
        redirect: str | None = None,
    ) -> None:
        other = input if isinstance(input, Request) else None
        if other is not None:
            self._url = other.url
            self._method = other._method
            self._redirect = other._redirect
        elif isinstance(input, str):
            self._url = normalise(input)
            self._method = "GET"
            self._redirect = "follow"
        else:
            raise TypeError(f"Request needs a URL or a Request, not {type(input).__name__}")
        self._url_is_normal = True
        if method is not None:
            self._method = _to_method(method)
        if redirect is not None:
            self._redirect = _to_redirect(redirect)
        if other is None or headers is not None:
            self._fields = to_fields(headers)
        else:
            self._fields = other._fields.copy()
            if body is not None:
                self._fields.popall("content-length", None)
        self._set_body(body, other, method_is_new=method is not None)

    def _set_body(self, body: BodyInit, other: Request | None, *, method_is_new: bool) -> None:
        """Set the body given, else take that of `other`; last, for what fails must take nothing."""
        self._used = False
        self._body = to_body(body, "Request")
        if isinstance(body, str):
            self._fields.setdefault("content-type", "text/plain;charset=UTF-8")
        inherits = method_is_new and other is not None and other._body is not None
        if (body is not None or inherits) and self._method in _BODILESS:
            raise TypeError(f"Request with a {self._method} method cannot have a body")
        if body is None and other is not None:
            self._body = other._take()

    @classmethod
    def _received(
        cls, method: str, url: str, fields: CIMultiDict[str], body: Data | ByteStream | None
    ) -> Request:
        """The request that came from outside: trusted parts, no checks, URL parsed when asked."""
        request = cls.__new__(cls)
        request._method = method
        request._url = url
        request._url_is_normal = False
        request._fields = fields
        request._redirect = "manual"
        request._body = body
        request._used = False
        return request

    def _hand_over(self) -> Request:
        """The same request for somebody else, who gets its body. Raises: BodyUsedError."""
        request = Request.__new__(Request)
        request._body = self._take()
        request._used = False
        request._method = self._method
        request._url = self._url
        request._url_is_normal = self._url_is_normal
        request._fields = self._fields.copy()
        request._redirect = self._redirect
        return request

    @property
    def url(self) -> str:
        """The absolute URL, normalised."""
        if not self._url_is_normal:
            self._url = normalise(self._url)
            self._url_is_normal = True
        return self._url

    @property
    def method(self) -> HTTPMethod | str:
        """The method; an `HTTPMethod` (which equals its name) where it is a registered one."""
        return _METHODS.get(self._method, self._method)

    @property
    def headers(self) -> Headers:
        """The header fields; changes take effect on this request."""
        return Headers._view(self._fields)

    @property
    def redirect(self) -> str:
        """What to do with a redirect: "follow", "manual" or "error"."""
        return self._redirect

    def clone(self) -> Request:
        """A second request with a body of its own.

        A streamed body is kept for the slower of the two readers, at first in memory, then in a
        temporary file; a clone that nobody reads costs nothing. Raises: BodyUsedError.
        """
        body = self._take()
        self._used = False
        if isinstance(body, ByteStream):
            self._body, body = clone_stream(body)
        request = Request._received(self._method, self._url, self._fields.copy(), body)
        request._url_is_normal = self._url_is_normal
        request._redirect = self._redirect
        return request

    def __repr__(self) -> str:
        return f"Request(method={str(self._method)!r}, url={self.url!r})"


def _to_method(method: str) -> str:
    """WHATWG Fetch: only these six are upper-cased, and names must be tokens."""
    if not isinstance(method, str):
        raise TypeError(f"a method must be text, not {type(method).__name__}")
    upper = method.upper()
    if upper in {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}:
        return upper
    if not is_token(method):
        raise TypeError(f"{method!r} is not a valid HTTP method")
    return str.__str__(method)  # of an enum's member the name that it stands for


def _to_redirect(mode: str) -> str:
    if mode not in _REDIRECT_MODES:
        raise TypeError(f"redirect must be follow, manual or error, not {mode!r}")
    return mode
