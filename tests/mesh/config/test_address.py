"""Listener addresses."""

from __future__ import annotations

import pytest

from mesh.config.address import parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8787", ("127.0.0.1", 8787)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8787", ("::1", 8787)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_address_is_host_and_port(text, address):
    """Names, IPv4 and bracketed IPv6 are accepted, and port 0 is."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8787",
        ":8787",
        "host:",
        "host:x",
        "::1:8787",
        "[::1]",
        "[x]:1",
        "h:65536",
        "h:-1",
        "a b:1",
    ],
)
def test_address_refuses_anything_else(text):
    """A missing host, a bad port, or IPv6 without brackets is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parse_address(text)
