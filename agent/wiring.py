"""The workers of one cell, loaded and bound.

Bindings are made first, because modules may want them while they are imported; where each one leads
is decided once every worker is there. All problems are reported at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agent import namespace, task_groups
from agent.bindings import missing_entrypoint
from agent.loader import load_worker
from mesh.errors import ConfigError, Problem
from mesh.v1.control_pb2 import DECLARED
from workers.context import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.background import Background
    from agent.bindings import CellBindings
    from agent.host import WorkerHost
    from mesh.v1 import cell_pb2
    from workers.binding import Channel


def load_workers(
    start: cell_pb2.Start,
    bindings: CellBindings,
    background: Background,
    outbound: Channel,
) -> dict[str, WorkerHost]:
    """Load every worker of the cell and connect their bindings. Raises: ConfigError."""
    _check_dependencies(start)
    namespace.install(_current_package)
    task_groups.install()
    hosts: dict[str, WorkerHost] = {}
    problems: list[Problem] = []
    for worker in start.workers:
        try:
            hosts[worker.id] = load_worker(
                worker.id,
                Path(worker.main),
                names=bindings.names(worker.id),
                outbound=outbound,
                background=background,
                body_limit_bytes=start.limits.body_bytes,
            )
        except ConfigError as error:
            problems.extend(error.problems)
    problems.extend(_missing_entrypoints(start, hosts))
    problems.extend(_public_without_default(start, hosts))
    if problems:
        raise ConfigError(problems)
    bindings.connect(hosts)
    return hosts


def _check_dependencies(start: cell_pb2.Start) -> None:
    """Raises: ConfigError."""
    projects = [
        Path(worker.source).with_name("pyproject.toml")
        for worker in start.workers
        if worker.source != worker.main  # a bare script may lie beside anything
    ]
    if declared := [path for path in projects if path.is_file()]:
        from agent.requirements import (  # noqa: PLC0415 - its parsers cost every cell 3 MiB
            check_requirements,
        )

        check_requirements(declared)


def _missing_entrypoints(start: cell_pb2.Start, hosts: dict[str, WorkerHost]) -> Iterator[Problem]:
    """What a worker's own configuration got wrong; what people bind live only fails its calls."""
    sources = {worker.id: worker.source for worker in start.workers}
    for binding in start.view.bindings:
        host = hosts.get(binding.worker)
        wanted = binding.target.entrypoint
        if binding.source != DECLARED or host is None or wanted in host.entrypoints:
            continue
        yield Problem(
            where=f"{sources[binding.caller]}: services, binding {binding.name}",
            reason=missing_entrypoint(host, wanted),
            fix="name one of those, or none for the default entrypoint",
        )


def _public_without_default(
    start: cell_pb2.Start, hosts: dict[str, WorkerHost]
) -> Iterator[Problem]:
    public = {route.worker for route in start.edge.routes}
    for worker in start.workers:
        host = hosts.get(worker.id)
        if worker.id in public and host is not None and "" not in host.entrypoints:
            yield Problem(
                where=worker.main,
                reason=f"worker {worker.id} is public, but has no default entrypoint",
                fix="define `class Default(WorkerEntrypoint)`, or take it from the edge",
            )


def _current_package() -> str | None:
    context = current.get(None)
    return None if context is None else context._runtime.package
