"""Which edge worker answers a public request.

Source: Cloudflare, "Routes": a pattern is `host/path` with `*` for any text; the most specific
pattern wins.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class EdgeRoutes(Generic[T]):
    """Patterns and what stands behind them; the empty pattern is every host and path."""

    def __init__(self, routes: Iterable[tuple[str, T]]) -> None:
        ordered = sorted(routes, key=lambda route: _specificity(route[0]), reverse=True)
        self._routes = [(_compile(pattern), target) for pattern, target in ordered]
        self._hosts = [_compile(_host_of(pattern) + "/*") for pattern, _ in ordered]
        self._only = ordered[0][1] if len(ordered) == 1 and not ordered[0][0] else None

    def match(self, host: str, path: str) -> T | None:
        """What answers `path` (query allowed) at `host` (port allowed), None where nothing does."""
        if self._only is not None:
            return self._only
        address = _address(host, path)
        for pattern, target in self._routes:
            if pattern.fullmatch(address):
                return target
        return None

    def is_known_host(self, host: str) -> bool:
        """Whether some route is at `host`, whatever the path."""
        address = _address(host, "/")
        return any(pattern.fullmatch(address) for pattern in self._hosts)


def _address(host: str, path: str) -> str:
    return _without_port(host) + path.partition("?")[0]


@functools.lru_cache(maxsize=1024)
def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host).lower()


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
