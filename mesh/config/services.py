"""The service bindings that one level of a wrangler file declares.

Not whether their targets exist: see `bindings`.
"""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING

from mesh.config.model import ServiceConfig

if TYPE_CHECKING:
    from mesh.config.section import Section

_IGNORED = ("remote", "cross_account_grant")
"""Where Cloudflare finds the target; here the mesh knows."""


def read_services(section: Section) -> tuple[ServiceConfig, ...] | None:
    """The `services` of a section, in their order; `None` if it has no such key."""
    tables = section.tables("services")
    if tables is None:
        return None
    services: dict[str, ServiceConfig] = {}
    for table in tables:
        service = _read_service(table)
        if service is None:
            continue
        if service.binding in services:
            table.error(
                "binding",
                f"there are two bindings `{service.binding}`",
                "give each binding of a worker its own name",
            )
        services[service.binding] = service
    return tuple(services.values())


def _read_service(table: Section) -> ServiceConfig | None:
    binding, service = table.text("binding"), table.text("service")
    environment, entrypoint = table.text("environment"), table.text("entrypoint")
    props = table.json("props")
    table.skip(_IGNORED)
    table.finish()
    table.require("binding", '"AUTH"')
    table.require("service", '"auth"')
    if binding is None or service is None:
        return None
    if not binding.isidentifier() or iskeyword(binding):
        table.error(
            "binding",
            f"`{binding}` is not a Python identifier, and code reads it as env.NAME",
            "use letters, digits and `_`, such as `AUTH`",
        )
    return ServiceConfig(
        binding=binding,
        service=service,
        environment=environment,
        entrypoint=entrypoint,
        props=props or {},
    )
