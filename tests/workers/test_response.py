"""Responses: statuses, bodies, JSON in both directions, redirects and copies."""

import asyncio
import json
from http import HTTPStatus

import pytest

from workers import BodyUsedError, Headers, HttpStatusError, Response
from workers.body import IterableStream

NULL_BODY = [204, 205, 304]


async def letters():
    yield "a"
    yield "b"


# --- construction


def test_response_has_the_defaults_of_the_web_platform():
    """Nothing at all is an empty 200."""
    response = Response()
    assert (response.status, response.status_text, response.ok) == (200, "OK", True)
    assert response.body is None
    assert dict(response.headers) == {}
    assert (response.url, response.redirected) == ("", False)


def test_response_takes_its_parts_by_position():
    """Cloudflare: body, status, status text, headers."""
    response = Response("a", 201, "Made", {"b": "c"})
    assert (response.status, response.status_text) == (201, "Made")
    assert response.headers["b"] == "c"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "OK"),
        (200, "OK"),
        (404, "Not Found"),
        (HTTPStatus.IM_A_TEAPOT, "I'm a Teapot"),
        (299, ""),
        (599, ""),
    ],
)
def test_status_has_its_registered_reason(status, reason):
    """A number or an HTTPStatus; the phrase is empty where none is registered."""
    response = Response(None, status)
    assert response.status == (status or 200)
    assert type(response.status) is int
    assert response.status_text == response.statusText == reason


@pytest.mark.parametrize("status", [-200, 0, 99, 100, 101, 103, 199, 600, 999, 10**30])
def test_status_out_of_range_is_refused(status):
    """WHATWG Fetch: 200 to 599; informational ones are not for handlers."""
    with pytest.raises(ValueError, match=f"must be 200 to 599, not {status}"):
        Response(None, status)


@pytest.mark.parametrize("status", ["200", True, False, 200.0, b"200", [200]])
def test_status_that_is_no_number_is_refused(status):
    """A text of digits is no number, nor is a truth value."""
    with pytest.raises(TypeError, match=f"must be a number, not {type(status).__name__}"):
        Response(None, status)


@pytest.mark.parametrize(("status", "ok"), [(200, True), (299, True), (300, False), (500, False)])
def test_ok_is_any_status_of_success(status, ok):
    """200 to 299."""
    assert Response(None, status).ok is ok


@pytest.mark.parametrize("status", NULL_BODY)
@pytest.mark.parametrize("body", ["", "a", b"", b"a"])
def test_null_body_status_has_no_body(status, body):
    """WHATWG Fetch, "null body status": not even an empty one."""
    assert Response(None, status).body is None
    with pytest.raises(TypeError, match=r"null body status .* cannot have a body"):
        Response(body, status)


@pytest.mark.parametrize("text", ["", "Fine", "Très bien", "a\tb", "~", "好"])
def test_status_text_is_kept(text):
    """RFC 9112 section 4: reason-phrase."""
    assert Response(None, 299, text).status_text == text


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb: c", "a\0", "\x7f", "\x1b", "\ud800", "OK\n"])
def test_status_text_that_http_cannot_carry_is_refused(text):
    """A line break would end the status line."""
    with pytest.raises(TypeError, match="not a valid status text"):
        Response(None, 200, text)


@pytest.mark.parametrize(
    ("body", "headers", "content_type"),
    [
        ("a", None, "text/plain;charset=UTF-8"),
        ("", {}, "text/plain;charset=UTF-8"),
        ("a", {"CONTENT-type": "text/html"}, "text/html"),
        ("a", {"a": "b"}, "text/plain;charset=UTF-8"),
        (b"a", None, None),
        (None, None, None),
    ],
)
def test_text_has_a_content_type(body, headers, content_type):
    """WHATWG Fetch, "extract a body": text is text/plain unless the headers say otherwise."""
    assert Response(body, headers=headers).headers["content-type"] == content_type


def test_default_content_type_is_not_shared():
    """Changing one response's headers changes no other's."""
    Response("a").headers["content-type"] = "text/html"
    assert Response("a").headers["content-type"] == "text/plain;charset=UTF-8"


# --- headers and fixed parts


def test_header_set_on_a_response_takes_effect():
    """Unlike upstream, `response.headers` is no copy."""
    response = Response("a")
    response.headers["x-test"] = "1"
    response.headers.append("set-cookie", "a=1")
    response.headers.append("set-cookie", "b=2")
    del response.headers["content-type"]
    assert response.headers.items() == [
        ("x-test", "1"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


def test_headers_of_another_response_are_copied():
    """`headers=other.headers` takes all fields, and shares none."""
    first = Response(None, headers=[("set-cookie", "a"), ("set-cookie", "b")])
    second = Response("x", headers=first.headers)
    assert second.headers.get_all("set-cookie") == ["a", "b"]
    second.headers["set-cookie"] = "c"
    assert first.headers.get_all("set-cookie") == ["a", "b"]
    assert first.headers["content-type"] is None


@pytest.mark.parametrize(
    "name", ["status", "status_text", "statusText", "headers", "ok", "body", "body_used"]
)
def test_parts_are_read_only(name):
    """Only header fields can be changed in place."""
    with pytest.raises(AttributeError):
        setattr(Response("a"), name, None)


def test_repr_shows_status_and_content_type():
    """As at Cloudflare; neither other headers nor the body."""
    response = Response.from_json({"a": "secret"}, headers={"set-cookie": "secret"})
    assert repr(response) == (
        "Response(status=200, status_text='OK', content_type='application/json')"
    )
    assert repr(Response(None, 599)) == "Response(status=599, status_text='', content_type='')"


# --- JSON


@pytest.mark.parametrize("make", [Response.from_json, Response.json])
def test_json_makes_a_response(make):
    """On the class `json` is `from_json`; the body is what `json.dumps` writes."""
    response = make({"a": [1, "é"]}, status=201, status_text="Made", headers={"b": "c"})
    assert type(response) is Response
    assert (response.status, response.status_text) == (201, "Made")
    assert dict(response.headers) == {"b": "c", "content-type": "application/json"}
    assert asyncio.run(response.text()) == '{"a": [1, "\\u00e9"]}'


def test_json_of_a_response_parses_it():
    """On an instance `json` reads the body, once."""

    async def main():
        response = Response.json({"a": 1})
        assert await response.json() == {"a": 1}
        with pytest.raises(BodyUsedError):
            await response.json()

    asyncio.run(main())


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_json_keeps_a_content_type_that_is_given(name):
    """In any case of letters."""
    response = Response.from_json([], headers={name: "application/problem+json"})
    assert response.headers.items() == [(name, "application/problem+json")]


@pytest.mark.parametrize("data", [None, False, 0, "", [], {}])
def test_json_of_nothing_is_something(data):
    """null is a body too."""
    assert asyncio.run(Response.from_json(data).text()) == json.dumps(data)


def test_json_leaves_the_headers_given_alone():
    """They are copied."""
    headers = Headers()
    Response.from_json([], headers=headers)
    assert len(headers) == 0


def test_json_of_what_is_not_json_is_refused():
    """The error names the type."""
    with pytest.raises(TypeError, match="Object of type set is not JSON serializable"):
        Response.from_json({"a": {1}})


@pytest.mark.parametrize(
    ("status", "error"), [(204, TypeError), (304, TypeError), (199, ValueError), ("200", TypeError)]
)
def test_json_keeps_to_the_rules_of_statuses(status, error):
    """The same as for any other body."""
    with pytest.raises(error):
        Response.from_json({}, status)


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, HTTPStatus.FOUND])
def test_redirect_names_a_normal_url(status):
    """WHATWG Fetch, Response.redirect: an empty response with the URL in Location."""
    response = Response.redirect("https://Example.com", status)
    assert response.status == status
    assert dict(response.headers) == {"location": "https://example.com/"}
    assert response.body is None
    assert Response.redirect("https://example.com/a b").status == 302


@pytest.mark.parametrize("status", [200, 300, 304, 305, 306, 309, 400, True, "302", None])
def test_redirect_with_another_status_is_refused(status):
    """The status is looked at first, as at Cloudflare."""
    with pytest.raises(ValueError, match="is not a redirect status"):
        Response.redirect("not a URL", status)


@pytest.mark.parametrize("url", ["", "/path", "//host/", "path", "\\path", " /path", "http://"])
def test_redirect_to_no_absolute_url_is_refused(url):
    """A worker does not know its own origin; relative URLs are TypeErrors."""
    with pytest.raises(TypeError, match="Unable to parse URL"):
        Response.redirect(url)


@pytest.mark.parametrize("url", [None, 3, b"http://host/"])
def test_redirect_to_no_text_is_refused(url):
    """The error names the type."""
    with pytest.raises(TypeError, match=f"a redirect needs a URL, not {type(url).__name__}"):
        Response.redirect(url)


# --- copies


@pytest.mark.parametrize("body", ["cde", b"cde", None])
def test_replace_body_keeps_the_rest(body):
    """Same status and headers, another body, whose length is its own."""
    first = Response("a", 404, "Gone", {"content-type": "a/b", "content-length": "1", "x": "y"})
    second = first.replace_body(body)
    assert (second.status, second.status_text) == (404, "Gone")
    assert dict(second.headers) == {"content-type": "a/b", "x": "y"}
    assert asyncio.run(second.text()) == ("cde" if body else "")
    assert first.headers["content-length"] == "1"
    assert not first.body_used


def test_replace_body_works_on_a_used_response():
    """The usual reason to replace a body is to have read it."""

    async def main():
        first = Response("a")
        second = first.replace_body((await first.text()).upper())
        assert await second.text() == "A"

    asyncio.run(main())


@pytest.mark.parametrize("streams", [False, True])
def test_clone_is_a_response_of_its_own(streams):
    """A clone is a Response with the same parts; neither headers nor bodies are shared."""

    async def main():
        body = letters() if streams else "ab"
        first = Response(body, 201, "Made", [("set-cookie", "a"), ("set-cookie", "b")])
        first.url, first.redirected = "http://host/", True
        second = first.clone()
        assert type(second) is Response
        for name in ("status", "status_text", "url", "redirected", "headers"):
            assert getattr(second, name) == getattr(first, name)
        second.headers["set-cookie"] = "c"
        assert first.headers.get_all("set-cookie") == ["a", "b"]
        assert await second.text() == "ab"
        assert not first.body_used
        assert await first.text() == "ab"
        with pytest.raises(BodyUsedError, match="Body already used"):
            first.clone()

    asyncio.run(main())


@pytest.mark.parametrize("streams", [False, True])
def test_hand_over_moves_the_body_and_copies_the_headers(streams):
    """The caller's response is its own: the callee's can no longer be read or returned again."""

    async def main():
        first = Response(IterableStream(letters()) if streams else "ab", 201, "Made", {"a": "1"})
        second = first._hand_over()
        for name in ("status", "status_text", "url", "redirected", "headers"):
            assert getattr(second, name) == getattr(first, name)
        second.headers["a"] = "2"
        assert first.headers["a"] == "1"
        assert first.body_used
        assert not second.body_used
        with pytest.raises(BodyUsedError):
            first._hand_over()
        assert await second.text() == "ab"

    asyncio.run(main())


def test_response_without_a_body_can_be_returned_again():
    """A constant of the module may be the answer of many invocations."""
    response = Response(None, 204)
    assert response._hand_over().status == response._hand_over().status == 204


# --- errors


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (404, "404 Client Error: Not Found for url: http://host/"),
        (499, "499 Client Error:  for url: http://host/"),
        (503, "503 Server Error: Service Unavailable for url: http://host/"),
    ],
)
def test_raise_for_status_raises_from_400(status, text):
    """The error is an OSError that has the status and names the URL."""
    response = Response(None, status)
    response.url = "http://host/"
    with pytest.raises(HttpStatusError) as caught:
        response.raise_for_status()
    assert isinstance(caught.value, OSError)
    assert caught.value.status == status
    assert str(caught.value) == text


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_raise_for_status_lets_other_statuses_pass(status):
    """Redirects are no errors."""
    assert Response(None, status).raise_for_status() is None
