"""Which edge worker answers."""

from __future__ import annotations

import pytest

from agent.edge_routes import EdgeRoutes
from workers.url import normalise

ROUTES = EdgeRoutes(
    (pattern, pattern)
    for pattern in (
        "example.com/*",
        "example.com/api/*",
        "example.com/api/v2/*",
        "example.com/exact",
        "*.example.com/*",
        "shop.example.com/*",
        "*suffix.org/*",
        "gateway.*/*",
        "whole.host/*",
    )
)

CASES = {
    "http://example.com/": "example.com/*",
    "http://EXAMPLE.com:8787/x?y=/api/": "example.com/*",
    "http://example.com./": "example.com/*",
    "http://example.com/api/x": "example.com/api/*",
    "http://example.com/x/../api/x": "example.com/api/*",
    "http://example.com/x/%2e%2e/api/x": "example.com/api/*",
    "http://example.com/./api/x": "example.com/api/*",
    "http://example.com/x\\..\\api/x": "example.com/api/*",
    "http://example.com/api/v2/x": "example.com/api/v2/*",
    "http://example.com/exact?q": "example.com/exact",
    "http://example.com/exact/no": "example.com/*",
    "http://a.example.com/": "*.example.com/*",
    "http://a.b.example.com/": "*.example.com/*",
    "http://shop.example.com/": "shop.example.com/*",
    "http://suffix.org/": "*suffix.org/*",
    "http://mysuffix.org/": "*suffix.org/*",
    "http://gateway.localhost:80/": "gateway.*/*",
    "http://whole.host/any": "whole.host/*",
    "http://example.com.evil/": None,
    "http://evilexample.com/": None,
    "http://xgateway.localhost/": None,
    "http://evil/example.com": None,
}


@pytest.mark.parametrize("url", CASES)
def test_most_specific_pattern_wins(url: str) -> None:
    """An exact host before a wildcard, a longer pattern before a shorter one; dots are dots.

    What is matched is the URL that the worker will read: normalised.
    """
    assert ROUTES.match(normalise(url)) == CASES[url]


def test_known_host() -> None:
    """A host with some route is known, whatever the path."""
    routes = EdgeRoutes([("example.com/api/*", 1)])
    assert routes.match("http://example.com/other") is None
    assert routes.is_known_host("http://example.com:80/other")
    assert not routes.is_known_host("http://other.com/api/x")
    assert routes.only is None


def test_empty_pattern_takes_everything() -> None:
    """The only edge worker needs no routes."""
    routes = EdgeRoutes([("", 1)])
    assert routes.only == 1
    assert routes.match("http://anything/") == 1
