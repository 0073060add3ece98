"""Where the declared bindings lead, within what is known here.

A binding to a worker that is not here is no error: in a mesh the target may come later, or run
on another host.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mesh.config.worker_id import WorkerId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh.config.model import MeshConfig, ServiceConfig, WorkerConfig
    from mesh.config.problems import Problems


class BindingState(StrEnum):
    """What a call through a binding would meet."""

    CONNECTED = "connected"
    """The target is in the caller's group."""

    NOT_HERE = "not here"
    """No worker of this mesh is the target."""

    OTHER_GROUP = "other group"
    """The target is in another group of this host: calls go over a link."""


def resolve(service: ServiceConfig, workers: Iterable[WorkerId]) -> WorkerId | None:
    """The worker that a binding leads to; `None` if it is not among `workers`.

    The exact name and environment come first. Else Cloudflare's full names are compared, so that
    service `auth-staging` is found as environment `staging` of `auth`, and the other way round.
    """
    target = WorkerId(service.service, service.environment)
    known = sorted(workers, key=str)
    if target in known:
        return target
    return next((worker for worker in known if worker.full_name == target.full_name), None)


def binding_state(caller: WorkerConfig, service: ServiceConfig, config: MeshConfig) -> BindingState:
    """What a call of `caller` through `service` meets in this mesh."""
    target = resolve(service, (worker.id for worker in config.workers))
    if target is None:
        return BindingState.NOT_HERE
    same = config.group_of(target) == config.group_of(caller.id)
    return BindingState.CONNECTED if same else BindingState.OTHER_GROUP


def warn_of_unreachable(config: MeshConfig, problems: Problems) -> None:
    """Note each binding that leads to no worker of a mesh that consists of this host alone."""
    if config.agent.control is not None:
        return  # the target may be on another host
    for worker in config.workers:
        for service in worker.services:
            if binding_state(worker, service, config) is BindingState.NOT_HERE:
                target = WorkerId(service.service, service.environment)
                problems.warn(
                    f"{problems.show(worker.source)}: services",
                    f"binding `{service.binding}` of `{worker.id}` leads to `{target}`, "
                    "which is not here; it may come later; until then a call raises "
                    "ServiceUnavailable",
                )
