"""URLs: normalised as browsers do, with paths alone for private calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers import Request
from workers.url import normalise


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://test.com", "https://test.com/"),
        ("HTTPS://TEST.com:443/a/../b", "https://test.com/b"),
        ("http://test.com:80", "http://test.com/"),
        ("http://test.com:8080?q", "http://test.com:8080/?q"),
        ("  http://test.com \n", "http://test.com/"),
        ("http://test.com\\a", "http://test.com/a"),
        ("http://bücher.example/ü?ü#ü", "http://xn--bcher-kva.example/%C3%BC?%C3%BC#%C3%BC"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("http://user:word@host/", "http://user:word@host/"),
        ("http://host/%7e%zz", "http://host/%7e%zz"),
    ],
)
def test_url_is_normalised(url, normal):
    """WHATWG URL, "URL parsing" and "URL serializing"."""
    assert normalise(url) == normal
    assert Request(url).url == normal
    assert Request._received("GET", url, Request("/")._fields, None).url == normal


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "http://worker/"),
        ("/a b?c d#e", "http://worker/a%20b?c%20d#e"),
        ("/?q", "http://worker/?q"),
        ("/a/../../b", "http://worker/b"),
        ("/http://other/", "http://worker/http://other/"),
        ("/:80", "http://worker/:80"),
        ("/@other", "http://worker/@other"),
    ],
)
def test_path_alone_is_a_private_url(path, normal):
    """A call over a binding has no need of a host."""
    assert normalise(path) == normal


@pytest.mark.parametrize("path", ["/\\other/x", "/\t/other/x", "/\n/other/x", "/\r\\other"])
def test_path_alone_never_names_another_host(path):
    """What a URL parser would read as `//other` stays a path."""
    assert normalise(path).startswith("http://worker//other")


@given(st.text().filter(lambda path: not path.startswith("/")))
def test_any_path_alone_stays_at_its_host(path):
    """Whatever a path holds, it is a path."""
    assert normalise("/" + path).startswith("http://worker/")


@pytest.mark.parametrize(
    "url",
    ["", "a", "a/b", "?q", "//host/", "http://", "http://a b/", "http://h:99999/", "http://[/"],
)
def test_url_that_cannot_be_parsed_is_refused(url):
    """Cloudflare: TypeError "Unable to parse URL: …"; a reference without a base is no URL."""
    with pytest.raises(TypeError) as caught:
        Request(url)
    assert str(caught.value) == f"Unable to parse URL: {url}"


def test_url_with_half_a_character_is_refused_in_printable_words():
    """Lone surrogates are not text; the message can be logged all the same."""
    with pytest.raises(TypeError, match="Unable to parse URL") as caught:
        normalise("http://host/\ud800")
    assert str(caught.value).encode()
