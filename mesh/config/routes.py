"""The routes that one level of a wrangler file declares.

How a request is matched against them is the edge's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.config.model import RouteConfig
from mesh.config.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterable

_IGNORED = ("zone_name", "zone_id", "enabled", "previews_enabled")
"""Whose DNS zone it is, and Cloudflare's switches for it; the mesh serves any host it is sent."""


def read_routes(section: Section) -> tuple[RouteConfig, ...] | None:
    """The `routes` or the single `route` of a section; `None` if it has neither."""
    several, single = section.texts_or_tables("routes"), section.text_or_table("route")
    if section.has("routes") and section.has("route"):
        section.error("route", "there is also `routes`", "put every route into `routes`")
    if several is not None:
        return tuple(_read_each(several))
    return None if single is None else tuple(_read_each((single,)))


def _read_each(entries: Iterable[str | Section]) -> Iterable[RouteConfig]:
    for entry in entries:
        if isinstance(entry, Section):
            route = _read_table(entry)
            if route is not None:
                yield route
        else:
            yield RouteConfig(pattern=entry)


def _read_table(table: Section) -> RouteConfig | None:
    pattern, custom_domain = table.text("pattern"), table.flag("custom_domain") or False
    table.skip(_IGNORED)
    table.finish()
    table.require("pattern", '"example.com/*"')
    if pattern is None:
        return None
    if custom_domain and ("*" in pattern or "/" in pattern):
        table.error(
            "pattern",
            f"`{pattern}` is not a custom domain, which is a host without path or wildcard",
            "write the host alone, or leave custom_domain out",
        )
    return RouteConfig(pattern=pattern, custom_domain=custom_domain)
