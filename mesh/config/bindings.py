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
    """The target is in another group, which calls cannot cross yet."""


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
    """Note each binding whose calls will fail, with caller, binding and target."""
    for worker in config.workers:
        for service in worker.services:
            state = binding_state(worker, service, config)
            target = WorkerId(service.service, service.environment)
            where = f"{problems.show(worker.source)}: services"
            what = f"binding `{service.binding}` of `{worker.id}` leads to `{target}`"
            if state is BindingState.NOT_HERE:
                problems.warn(
                    where,
                    f"{what}, which is not here; it may come later; until then a call raises "
                    "ServiceUnavailable",
                )
            elif state is BindingState.OTHER_GROUP:
                problems.warn(
                    where,
                    f"{what}, which is in another group; calls between groups are not available "
                    "in this version and raise ServiceUnavailable",
                    "put both into one group",
                )
