"""Which edge worker answers a public request.

Source: Cloudflare, "Routes": a pattern is `host/path` with `*` for any text; the most specific
pattern wins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class EdgeRoutes(Generic[T]):
    """Patterns and what stands behind them; the empty pattern is every host and path.

    `only` is what stands behind the empty pattern where that is the only one.
    """

    def __init__(self, routes: Iterable[tuple[str, T]]) -> None:
        ordered = sorted(routes, key=lambda route: _specificity(route[0]), reverse=True)
        self._routes = [(_compile(pattern), target) for pattern, target in ordered]
        self._hosts = [_compile(_host_of(pattern) + "/*") for pattern, _ in ordered]
        self.only = ordered[0][1] if len(ordered) == 1 and not ordered[0][0] else None

    def match(self, url: str) -> T | None:
        """What answers the normalised `url`, None where nothing does."""
        address = _address(url)
        for pattern, target in self._routes:
            if pattern.fullmatch(address):
                return target
        return None

    def is_known_host(self, url: str) -> bool:
        """Whether some route is at the host of `url`, whatever the path."""
        address = _address(url)
        return any(pattern.fullmatch(address) for pattern in self._hosts)


def _address(url: str) -> str:
    """Host without port and final dot, and path: what patterns are about."""
    parts = urlsplit(url)
    return f"{(parts.hostname or '').removesuffix('.')}{parts.path}"


def _host_of(pattern: str) -> str:
    return pattern.partition("/")[0] or "*"


def _compile(pattern: str) -> re.Pattern[str]:
    host = re.escape(_host_of(pattern).lower()).replace(r"\*", "[^/]*")
    path = re.escape(pattern.partition("/")[2]).replace(r"\*", ".*") if "/" in pattern else ".*"
    return re.compile(f"{host}/{path}", re.DOTALL)


def _specificity(pattern: str) -> tuple[bool, int, int]:
    """Longer is more specific; a host without wildcard is more specific than any with one."""
    host = _host_of(pattern)
    return ("*" not in host, len(host), len(pattern))
