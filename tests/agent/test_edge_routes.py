"""Which edge worker answers."""

from __future__ import annotations

import pytest

from agent.edge_routes import EdgeRoutes

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
    ("example.com", "/"): "example.com/*",
    ("EXAMPLE.com:8787", "/x?y=/api/"): "example.com/*",
    ("example.com", "/api/x"): "example.com/api/*",
    ("example.com", "/api/v2/x"): "example.com/api/v2/*",
    ("example.com", "/exact?q"): "example.com/exact",
    ("example.com", "/exact/no"): "example.com/*",
    ("a.example.com", "/"): "*.example.com/*",
    ("a.b.example.com", "/"): "*.example.com/*",
    ("shop.example.com", "/"): "shop.example.com/*",
    ("suffix.org", "/"): "*suffix.org/*",
    ("mysuffix.org", "/"): "*suffix.org/*",
    ("gateway.localhost:80", "/"): "gateway.*/*",
    ("whole.host", "/any"): "whole.host/*",
    ("example.com.evil", "/"): None,
    ("evilexample.com", "/"): None,
    ("xgateway.localhost", "/"): None,
    ("evil/example.com", "/"): None,
    ("", "/"): None,
}


@pytest.mark.parametrize("address", CASES, ids="".join)
def test_most_specific_pattern_wins(address: tuple[str, str]) -> None:
    """An exact host before a wildcard, a longer pattern before a shorter one; dots are dots."""
    assert ROUTES.match(*address) == CASES[address]


def test_known_host() -> None:
    """A host with some route is known, whatever the path."""
    routes = EdgeRoutes([("example.com/api/*", 1)])
    assert routes.match("example.com", "/other") is None
    assert routes.is_known_host("example.com:80")
    assert not routes.is_known_host("other.com")


def test_empty_pattern_takes_everything() -> None:
    """The only edge worker needs no routes."""
    assert EdgeRoutes([("", 1)]).match("anything", "/") == 1
