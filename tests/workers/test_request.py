"""Requests: how they are made, from what, and who has their body."""

import asyncio
import enum
from http import HTTPMethod

import pytest
from multidict import CIMultiDict

from workers import BodyUsedError, Headers, Request, Response
from workers.body import IterableStream


class OldMethod(str, enum.Enum):  # noqa: UP042 - StrEnum behaves otherwise
    """An enum in the older style, whose `str()` is not its value."""

    PATCH = "PATCH"


async def letters():
    yield "a"
    yield "b"


def posted(body="ab", **options):
    return Request("http://host/", method="POST", body=body, **options)


def received(method="POST", body=b"ab", fields=()):
    return Request._received(method, "HTTP://Host", CIMultiDict(fields), body)


# --- construction


def test_request_has_the_defaults_of_fetch():
    """A URL alone is a GET without headers or body, whose redirects are followed."""
    request = Request("http://host")
    assert request.url == "http://host/"
    assert request.method is HTTPMethod.GET
    assert dict(request.headers) == {}
    assert request.body is None
    assert not request.body_used
    assert request.redirect == "follow"


@pytest.mark.parametrize("value", [None, 3, b"http://host/", ["http://host/"], object()])
def test_request_needs_a_url_or_a_request(value):
    """Anything else is a TypeError that names the type."""
    with pytest.raises(TypeError, match=f"a URL or a Request, not {type(value).__name__}"):
        Request(value)


def test_request_takes_options_by_name_only():
    """Cloudflare: options are keywords."""
    with pytest.raises(TypeError, match="positional"):
        Request("http://host/", "POST")


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ("get", "GET"),
        ("Post", "POST"),
        ("put", "PUT"),
        ("delete", "DELETE"),
        ("head", "HEAD"),
        ("options", "OPTIONS"),
        ("patch", "patch"),
        ("PATCH", "PATCH"),
        ("Connect", "Connect"),
        ("PURGE", "PURGE"),
        ("M-SEARCH", "M-SEARCH"),
        ("a!#$%&'*+-.^_`|~", "a!#$%&'*+-.^_`|~"),
        (HTTPMethod.PATCH, "PATCH"),
        (OldMethod.PATCH, "PATCH"),
    ],
)
def test_method_is_normalised(given, method):
    """WHATWG Fetch, "normalize a method": six names are upper-cased, `patch` is not PATCH."""
    request = Request("/", method=given)
    assert request.method == method
    assert type(request._method) is str


@pytest.mark.parametrize("method", HTTPMethod)
def test_registered_method_is_an_http_method(method):
    """Cloudflare: `method` is an HTTPMethod, which equals its name, and behaves as text."""
    for request in (Request("/", method=method.value), received(method.value)):
        assert request.method is method
        assert request.method == method.value
        assert f"{request.method}" == method.value


@pytest.mark.parametrize("method", ["", " ", "G T", "GET ", "GET\n", "GÉT", "GET/", "a:b", "\0"])
def test_method_that_is_no_token_is_refused(method):
    """RFC 9110 section 9.1: a method is a token."""
    with pytest.raises(TypeError, match="is not a valid HTTP method"):
        Request("/", method=method)


@pytest.mark.parametrize("method", [3, b"GET", True])
def test_method_that_is_not_text_is_refused(method):
    """The error names the type."""
    with pytest.raises(TypeError, match=f"must be text, not {type(method).__name__}"):
        Request("/", method=method)


@pytest.mark.parametrize("method", ["GET", "HEAD", "get", "head", HTTPMethod.GET, None])
@pytest.mark.parametrize("body", ["", "a", b"a"])
def test_get_and_head_have_no_body(method, body):
    """WHATWG Fetch, Request constructor: GET and HEAD with a body, even an empty one, fail."""
    with pytest.raises(TypeError, match=r"with a (GET|HEAD) method cannot have a body"):
        Request("/", method=method, body=body)


@pytest.mark.parametrize("redirect", ["follow", "manual", "error"])
def test_redirect_mode_is_kept(redirect):
    """The three modes of the web platform."""
    assert Request("/", redirect=redirect).redirect == redirect
    assert Request(Request("/", redirect=redirect)).redirect == redirect


@pytest.mark.parametrize("redirect", ["", "Follow", "none", 3, True])
def test_redirect_mode_that_is_unknown_is_refused(redirect):
    """The error lists what there is."""
    with pytest.raises(TypeError, match="redirect must be follow, manual or error"):
        Request("/", redirect=redirect)


@pytest.mark.parametrize(
    ("body", "headers", "content_type"),
    [
        ("a", None, "text/plain;charset=UTF-8"),
        ("", None, "text/plain;charset=UTF-8"),
        ("a", {"CONTENT-type": "text/html"}, "text/html"),
        (b"a", None, None),
        (b"a", {"content-type": "image/png"}, "image/png"),
        (None, None, None),
    ],
)
def test_text_has_a_content_type(body, headers, content_type):
    """WHATWG Fetch, "extract a body": text is text/plain unless the headers say otherwise."""
    request = posted(body, headers=headers)
    assert request.headers["content-type"] == content_type


def test_headers_are_copied():
    """The headers given are not those of the request."""
    headers = Headers({"a": "1"})
    request = Request("/", headers=headers)
    request.headers["a"] = "2"
    assert headers["a"] == "1"


def test_parts_are_read_only():
    """Only header fields can be changed in place."""
    request = Request("/")
    for name in ("url", "method", "headers", "redirect", "body", "body_used"):
        with pytest.raises(AttributeError):
            setattr(request, name, None)


def test_repr_shows_method_and_url():
    """As at Cloudflare; neither headers nor body."""
    request = posted("secret", headers={"cookie": "secret"})
    assert repr(request) == "Request(method='POST', url='http://host/')"
    assert repr(Request("http://host/", method="Purge")) == (
        "Request(method='Purge', url='http://host/')"
    )


# --- a request made from a request


@pytest.mark.parametrize("streams", [False, True])
def test_request_from_a_request_has_all_of_it(streams):
    """Everything is taken over; the body moves."""

    async def main():
        first = posted(
            letters() if streams else "ab",
            headers={"a": "1", "content-length": "2"},
            redirect="error",
        )
        headers = dict(first.headers)
        second = Request(first)
        assert (second.url, second.method, second.redirect) == ("http://host/", "POST", "error")
        assert dict(second.headers) == headers
        assert first.body_used
        assert not second.body_used
        assert await second.text() == "ab"
        with pytest.raises(BodyUsedError):
            await first.text()

    asyncio.run(main())


def test_options_override_the_request():
    """Each option replaces what the first request had; headers are replaced as a whole."""
    first = posted(headers={"a": "1"})
    second = Request(first, method="PUT", headers={"b": "2"}, body="c", redirect="manual")
    assert second.method == "PUT"
    assert dict(second.headers) == {"b": "2", "content-type": "text/plain;charset=UTF-8"}
    assert second.redirect == "manual"
    assert asyncio.run(second.text()) == "c"
    assert first.method == "POST"
    assert first.headers["a"] == "1"


def test_headers_of_the_copy_are_its_own():
    """Changing them does not change the first request's."""
    first = Request("/", headers={"a": "1"})
    second = Request(first)
    second.headers["a"] = "2"
    assert first.headers["a"] == "1"


def test_other_body_leaves_the_first_request_its_own():
    """WHATWG Fetch: with a body given, the first request's is not touched, and may be used."""

    async def main():
        first = posted("ab")
        assert await Request(first, body="c").text() == "c"
        assert not first.body_used
        await first.text()
        assert await Request(first, body="d").text() == "d"

    asyncio.run(main())


def test_other_body_has_another_length():
    """A content-length that came along belongs to the old body; one that is given stays."""
    first = received(fields={"content-length": "2", "content-type": "image/png"})
    assert dict(Request(first, body="cde").headers) == {"content-type": "image/png"}
    given = Request(first, body=letters(), headers={"content-length": "2"})
    assert given.headers["content-length"] == "2"
    assert Request(first).headers["content-length"] == "2"


def test_request_from_a_used_request_is_refused():
    """A body can be taken once."""

    async def main():
        first = posted()
        await first.text()
        with pytest.raises(BodyUsedError, match="Body already used"):
            Request(first)

    asyncio.run(main())


@pytest.mark.parametrize(
    "options",
    [
        {"method": "GET"},
        {"method": "G T"},
        {"redirect": "never"},
        {"headers": {"a": "b\nc"}},
        {"body": {"a": 1}},
    ],
    ids=str,
)
def test_request_that_cannot_be_made_takes_no_body(options):
    """After a constructor that failed the first request is as it was."""
    first = posted()
    with pytest.raises((TypeError, ValueError)):
        Request(first, **options)
    assert asyncio.run(first.text()) == "ab"


def test_received_get_with_a_body_can_be_passed_on():
    """HTTP allows what the constructor does not: an unusual request still goes through a proxy."""
    assert asyncio.run(Request(received("GET")).text()) == "ab"
    with pytest.raises(TypeError, match="cannot have a body"):
        Request(received("GET"), method="GET")


# --- what the mesh does


def test_received_request_parses_its_url_when_asked():
    """The parts are trusted; redirects of a request that came in are left to who sent it."""
    request = received()
    assert request._url == "HTTP://Host"
    assert request.url == "http://host/"
    assert request.redirect == "manual"
    assert repr(request) == "Request(method='POST', url='http://host/')"


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("make", [posted, received])
def test_hand_over_moves_the_body_and_copies_the_headers(make, streams):
    """The callee's request is its own: the caller's can no longer be read or handed over."""

    async def main():
        first = make(IterableStream(letters()) if streams else b"ab")
        first.headers["a"] = "1"
        second = first._hand_over()
        assert (second.url, second.method, second.redirect) == (
            first.url,
            first.method,
            first.redirect,
        )
        second.headers["a"] = "2"
        first.headers["b"] = "3"
        assert dict(second.headers) == {"a": "2"}
        assert dict(first.headers) == {"a": "1", "b": "3"}
        assert first.body_used
        assert not second.body_used
        for again in (first._hand_over, first.clone):
            with pytest.raises(BodyUsedError):
                again()
        assert await second.bytes() == b"ab"

    asyncio.run(main())


def test_hand_over_without_a_body_can_be_repeated():
    """A request without a body can be sent as often as one likes."""
    request = Request("/")
    assert request._hand_over().body is None
    assert request._hand_over().body is None
    assert not request.body_used


# --- clones


@pytest.mark.parametrize("make", [posted, received])
@pytest.mark.parametrize("streams", [False, True])
def test_clone_is_a_request_of_its_own(make, streams):
    """A clone is a Request with the same parts; neither headers nor bodies are shared."""

    async def main():
        first = make(IterableStream(letters()) if streams else b"ab")
        first.headers["a"] = "1"
        second = first.clone()
        assert type(second) is Request
        assert (second.url, second.method, second.redirect) == (
            first.url,
            first.method,
            first.redirect,
        )
        second.headers["a"] = "2"
        assert first.headers["a"] == "1"
        assert await first.bytes() == b"ab"
        assert first.body_used
        assert not second.body_used
        assert await second.bytes() == b"ab"

    asyncio.run(main())


def test_clone_after_looking_at_the_body():
    """`.body` is a stream from then on, which a clone copies like any other."""

    async def main():
        first = posted("ab")
        assert first.body is not None
        second = first.clone()
        assert [await first.text(), await second.text()] == ["ab", "ab"]

    asyncio.run(main())


def test_request_body_becomes_a_response_body():
    """An echo needs no copy: the stream is passed on."""

    async def main():
        assert await Response(posted(letters()).body).text() == "ab"

    asyncio.run(main())
