"""What this agent knows of the mesh, and what each of its cells needs to know of that: pure.

It comes from the control plane as a snapshot and changes, or from the disk where the control plane
is away. The cells of this host are known here first, so their addresses are added last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.config import ServiceConfig, WorkerId, resolve
from mesh.routing.binding_id import binding_id
from mesh.v1 import cell_pb2, control_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Resources = Mapping[str, control_pb2.Resource]


class Knowledge:
    """The resources of the agent's view by key, and the position in history that they are at."""

    def __init__(self, saved: control_pb2.SavedSnapshot | None = None) -> None:
        self.mesh = saved.mesh if saved else ""
        self.resources: dict[str, control_pb2.Resource] = {}
        self.position = control_pb2.Position()
        self.is_patched = False
        if saved:
            self.apply(saved.snapshot)

    def __repr__(self) -> str:
        return f"<Knowledge of {self.mesh} at {self.position.revision}>"

    def apply(self, update: control_pb2.Update) -> None:
        """Take a snapshot or a change over."""
        if update.is_snapshot:
            self.resources.clear()
            self.is_patched = False
        for key in update.removed:
            self.resources.pop(key, None)
        self.resources.update({resource.key: resource for resource in update.resources})
        self.position.CopyFrom(update.position)

    def patch(self, update: control_pb2.Update) -> None:
        """Take over what the control plane does not know of: its next word must be a snapshot."""
        self.apply(update)
        self.is_patched = True

    def to_saved(self) -> control_pb2.SavedSnapshot:
        """All of it, for the disk."""
        return control_pb2.SavedSnapshot(
            mesh=self.mesh,
            snapshot=control_pb2.Update(
                position=self.position, is_snapshot=True, resources=self.resources.values()
            ),
        )


def cell_view(
    knowledge: Knowledge, start: cell_pb2.Start, neighbours: Iterable[control_pb2.Endpoint]
) -> cell_pb2.View:
    """What the cell of `start` needs to know. `neighbours` are the other cells of this host."""
    own = {worker.id for worker in start.workers}
    view = cell_pb2.View(revision=knowledge.position.revision)
    remote: list[control_pb2.Endpoint] = list(neighbours)
    for resource in knowledge.resources.values():
        match resource.WhichOneof("resource"):
            case "binding" if resource.binding.caller in own:
                view.bindings.append(resource.binding)
            case "grant" if resource.grant.worker in own:
                view.grants.append(resource.grant)
            case "endpoint":
                remote.append(resource.endpoint)
            case "vars" if resource.vars.worker in own:
                view.vars.append(resource.vars)
    wanted = {binding.worker for binding in view.bindings} - own
    view.endpoints.extend(endpoint for endpoint in remote if wanted.intersection(endpoint.workers))
    return view


def on_its_own(
    knowledge: Knowledge, manifests: Sequence[control_pb2.WorkerManifest]
) -> control_pb2.Update:
    """What to change in old knowledge so that workers as they are now run without control plane.

    What people set or removed stays; declared bindings become those of `manifests`. Other hosts
    hear of new ones only from the control plane, so until then calls by them are refused there.
    """
    known = knowledge.resources
    workers = {WorkerId.parse(name) for name in _known_workers(known.values(), manifests)}
    own = {manifest.worker for manifest in manifests}
    stale = [
        key
        for key, resource in known.items()
        if resource.HasField("binding") and resource.binding.source == control_pb2.DECLARED
    ]
    update = control_pb2.Update(position=knowledge.position, removed=stale)
    for manifest in manifests:
        for declared in manifest.bindings:
            key = f"binding/{manifest.worker}/{declared.name}"
            if key in known and key not in stale:
                continue
            binding = _declared_binding(manifest.worker, declared, workers)
            update.resources.add(key=key, binding=binding)
            if binding.worker in own:
                update.resources.append(_grant(binding))
    return update


def _known_workers(
    resources: Iterable[control_pb2.Resource], manifests: Iterable[control_pb2.WorkerManifest]
) -> Iterator[str]:
    for manifest in manifests:
        yield manifest.worker
    for resource in resources:
        yield from resource.endpoint.workers


def _declared_binding(
    caller: str, declared: control_pb2.DeclaredBinding, workers: Iterable[WorkerId]
) -> control_pb2.Binding:
    target = declared.target
    environment = target.environment or None
    service = ServiceConfig(binding=declared.name, service=target.service, environment=environment)
    worker = resolve(service, workers) or WorkerId(target.service, environment)
    return control_pb2.Binding(
        caller=caller,
        name=declared.name,
        id=binding_id(caller, declared.name, target),
        target=target,
        worker=str(worker),
        source=control_pb2.DECLARED,
    )


def _grant(binding: control_pb2.Binding) -> control_pb2.Resource:
    grant = control_pb2.Grant(
        id=binding.id,
        caller=binding.caller,
        worker=binding.worker,
        entrypoint=binding.target.entrypoint,
        props_json=binding.target.props_json,
    )
    return control_pb2.Resource(key=f"grant/{binding.id}", grant=grant)
