"""The workers of one cell, loaded and bound to each other.

Bindings are made first, because modules may want them while they are imported; where each one leads
is decided once every worker is there. All problems are reported at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from agent import namespace, task_groups
from agent.loader import load_worker
from mesh.channel.local import LocalChannel
from mesh.channel.routed import RoutedChannel, UnavailableChannel
from mesh.errors import ConfigError, Problem
from workers.binding import ServiceBinding
from workers.context import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.background import Background
    from agent.host import WorkerHost
    from mesh.v1 import cell_pb2
    from workers.binding import Channel

_NOT_YET = "the worker is still being loaded"


def load_workers(
    start: cell_pb2.Start, background: Background, outbound: Channel
) -> dict[str, WorkerHost]:
    """Load every worker of the cell and connect their bindings. Raises: ConfigError."""
    _check_dependencies(start)
    namespace.install(_current_package)
    task_groups.install()
    hosts: dict[str, WorkerHost] = {}
    routed: dict[tuple[str, str], RoutedChannel] = {}
    problems: list[Problem] = []
    for worker in start.workers:
        names: dict[str, Any] = {**msgspec.json.decode(worker.vars_json), **worker.secrets}
        for binding in worker.bindings:
            channel = RoutedChannel(UnavailableChannel(binding.service, _NOT_YET))
            routed[worker.id, binding.name] = channel
            names[binding.name] = ServiceBinding(binding.name, binding.service, channel)
        try:
            hosts[worker.id] = load_worker(
                worker.id,
                Path(worker.main),
                names=names,
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
    for worker in start.workers:
        for binding in worker.bindings:
            routed[worker.id, binding.name].target = _channel(binding, hosts)
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


def _channel(binding: cell_pb2.Binding, hosts: dict[str, WorkerHost]) -> Channel:
    if binding.obstacle:
        return UnavailableChannel(binding.service, binding.obstacle)
    entrypoint = hosts[binding.target].entrypoints[binding.entrypoint]
    return LocalChannel(entrypoint.dispatch, binding.props_json)


def _missing_entrypoints(start: cell_pb2.Start, hosts: dict[str, WorkerHost]) -> Iterator[Problem]:
    for worker in start.workers:
        for binding in worker.bindings:
            host = hosts.get(binding.target)
            if binding.obstacle or host is None or binding.entrypoint in host.entrypoints:
                continue
            named = ", ".join(sorted(name for name in host.entrypoints if name)) or "none"
            yield Problem(
                where=f"{worker.source}: services, binding {binding.name}",
                reason=f"worker {binding.target} has no "
                + (
                    f"entrypoint {binding.entrypoint}"
                    if binding.entrypoint
                    else "default entrypoint"
                ),
                fix=f"its named entrypoints are: {named}",
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
