"""Worker ids: their text forms and Cloudflare's grammar of names."""

from __future__ import annotations

import pytest

from mesh.config import WorkerId


@pytest.mark.parametrize(
    ("text", "worker"),
    [
        ("auth", WorkerId("auth")),
        ("auth@staging", WorkerId("auth", "staging")),
        ("_a-1", WorkerId("_a-1")),
        ("a" * 63, WorkerId("a" * 63)),
        ("auth@Prod_1", WorkerId("auth", "Prod_1")),
    ],
)
def test_parse_and_str_are_inverse(text, worker):
    """`NAME` and `NAME@ENV` are read, and written the same way."""
    assert WorkerId.parse(text) == worker
    assert str(worker) == text


@pytest.mark.parametrize("text", ["", "@", "auth@", "@staging", "Auth", "-a", "a" * 64, "a@b@c"])
def test_parse_refuses_what_is_no_id(text):
    """Anything outside the grammar raises a ValueError that names the rule."""
    with pytest.raises(ValueError, match=r"is not (a worker|an environment) name: .*letters"):
        WorkerId.parse(text)


def test_full_name_is_cloudflares():
    """Environment `staging` of `auth` is the worker `auth-staging` on Cloudflare."""
    assert WorkerId("auth").full_name == "auth"
    assert WorkerId("auth", "staging").full_name == "auth-staging"
