"""What each agent needs to know of the mesh, from what is stored. Pure.

A view holds one resource under each key; the difference of two views is an update. When to send
one, and to whom, is not decided here.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from mesh.config.worker_id import WorkerId
from mesh.control.rollout import Exposure
from mesh.routing.binding_id import binding_id
from mesh.v1.control_pb2 import (
    DECLARED,
    REMOVED,
    SET,
    Binding,
    Endpoint,
    Grant,
    Resource,
    Target,
    WorkerVars,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mesh.control.stored import BindingKey, BindingSetting, Registration, Stored
    from mesh.v1.control_pb2 import BindingSource, WorkerManifest

View = dict[str, Resource]
"""By key."""


class KnownWorkers:
    """The registered workers, found as `mesh.config.resolve` finds them, without a search."""

    def __init__(self, workers: Iterable[str]) -> None:
        self._exact = set(workers)
        self._full_names: dict[str, str] = {}
        for worker in sorted(self._exact):
            self._full_names.setdefault(WorkerId.parse(worker).full_name, worker)

    def __contains__(self, worker: str) -> bool:
        return worker in self._exact

    def __len__(self) -> int:
        return len(self._exact)

    def meant_by_name(self, worker: str) -> str:
        """The worker that people mean by a name: the full name will do. Itself if it is none."""
        try:
            wanted = WorkerId.parse(worker)
        except ValueError:
            return worker
        return self.meant_by(Target(service=wanted.name, environment=wanted.environment or ""))

    def meant_by(self, target: Target) -> str:
        """The worker that `target` means; if none is here, the one that it would be."""
        wanted = WorkerId(target.service, target.environment or None)
        exact = str(wanted)
        return exact if exact in self._exact else self._full_names.get(wanted.full_name, exact)


def binding_in_effect(
    key: BindingKey, declared: Target | None, setting: BindingSetting | None, known: KnownWorkers
) -> Resource | None:
    """A binding as its caller has it; `None`: it has none of that name."""
    if setting is not None and setting.target is None:
        binding = Binding(caller=key[0], name=key[1], source=REMOVED)
        return Resource(key="/".join(("binding", *key)), binding=binding)
    target = declared if setting is None else setting.target
    if target is None:
        return None
    source = DECLARED if setting is None else SET
    return _binding(key, target.SerializeToString(), known.meant_by(target), source)


@lru_cache(maxsize=1 << 14)
def _binding(key: BindingKey, target_bytes: bytes, worker: str, source: BindingSource) -> Resource:
    """Kept, since most bindings outlast most changes, and equal objects are compared at once."""
    caller, name = key
    target = Target.FromString(target_bytes)
    binding = Binding(
        caller=caller,
        name=name,
        id=binding_id(caller, name, target),
        target=target,
        worker=worker,
        source=source,
    )
    return Resource(key=f"binding/{caller}/{name}", binding=binding)


@lru_cache(maxsize=1 << 14)
def _grant(binding_id: str, caller: str, worker: str, target_bytes: bytes) -> Resource:
    target = Target.FromString(target_bytes)
    grant = Grant(
        id=binding_id,
        caller=caller,
        worker=worker,
        entrypoint=target.entrypoint,
        props_json=target.props_json,
    )
    return Resource(key=f"grant/{binding_id}", grant=grant)


class MeshIndex:
    """The whole mesh at one revision, arranged so that each view is put together quickly."""

    def __init__(
        self,
        stored: Stored,
        exposures: Mapping[BindingKey, Exposure],
        stale: Collection[str] = frozenset(),
    ) -> None:
        """`exposures` has the bindings that are changing, `stale` the ids of silent agents."""
        self._stored = stored
        self.hosts: defaultdict[str, set[str]] = defaultdict(set)
        """The ids of the agents that run a worker."""
        self.running: set[str] = set()
        """The workers of agents that have not left."""
        self.declared: defaultdict[BindingKey, list[Target]] = defaultdict(list)
        """Where agents declare that bindings lead, each target once."""
        for registration in stored.registrations.values():
            self._add_declared(registration)
        self.known = KnownWorkers(self.hosts)
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        for caller, name in (*stored.bindings, *exposures, *self.declared):
            self._names[caller].add(name)
        self._bindings: dict[tuple[str, str], list[Resource]] = {}
        self._grants: defaultdict[str, View] = defaultdict(View)
        self._endpoints: defaultdict[str, list[tuple[str, Resource]]] = defaultdict(list)
        self._vars = _vars_of_workers(stored)
        for registration in stored.registrations.values():
            self._add_endpoints(registration, is_stale=registration.agent_id in stale)
            for manifest in registration.workers:
                self._add_bindings(registration.agent_id, manifest, exposures)

    def view(self, agent_id: str) -> View:
        """What this agent needs to know."""
        view = View()
        for manifest in self._stored.registrations[agent_id].workers:
            worker = manifest.worker
            view.update(self._grants.get(worker, {}))
            if worker in self._vars:
                view[f"vars/{worker}"] = self._vars[worker]
            for resource in self._bindings[agent_id, worker]:
                view[resource.key] = resource
                for owner, endpoint in self._endpoints.get(resource.binding.worker, ()):
                    if owner != agent_id:
                        view[endpoint.key] = endpoint
        return view

    def hosts_of_targets(
        self, key: BindingKey, settings: Iterable[BindingSetting | None]
    ) -> set[str]:
        """The agents that run what a binding leads to in any of these states."""
        return self.hosts_of(
            target for setting in settings for target in self.targets(key, setting)
        )

    def hosts_of(self, targets: Iterable[Target]) -> set[str]:
        """The agents that run what any of these means."""
        found: set[str] = set()
        for target in targets:
            found |= self.hosts.get(self.known.meant_by(target), set())
        return found

    def targets(self, key: BindingKey, setting: BindingSetting | None) -> list[Target]:
        """Where a binding leads in a state; more than one if agents declare it differently."""
        if setting is not None:
            return [] if setting.target is None else [setting.target]
        return self.declared.get(key, [])

    def names(self, caller: str) -> set[str]:
        """The names of the bindings of a worker, declared, set or removed."""
        return self._names.get(caller, set())

    def _add_declared(self, registration: Registration) -> None:
        for manifest in registration.workers:
            self.hosts[manifest.worker].add(registration.agent_id)
            if not registration.has_left:
                self.running.add(manifest.worker)
            for binding in manifest.bindings:
                targets = self.declared[manifest.worker, binding.name]
                if binding.target not in targets:
                    targets.append(binding.target)

    def _add_endpoints(self, registration: Registration, *, is_stale: bool) -> None:
        for endpoint in registration.endpoints:
            shown = Endpoint()
            shown.CopyFrom(endpoint)
            shown.is_stale = is_stale
            resource = Resource(key=f"endpoint/{endpoint.id}", endpoint=shown)
            for worker in endpoint.workers:
                self._endpoints[worker].append((registration.agent_id, resource))

    def _add_bindings(
        self,
        agent_id: str,
        manifest: WorkerManifest,
        exposures: Mapping[BindingKey, Exposure],
    ) -> None:
        worker = manifest.worker
        declared = {binding.name: binding.target for binding in manifest.bindings}
        shown = self._bindings[agent_id, worker] = []
        for name in sorted(self.names(worker)):
            key = (worker, name)
            setting = self._stored.bindings.get(key)
            exposure = exposures.get(key) or Exposure(setting, (setting,))
            target = declared.get(name)
            seen = binding_in_effect(key, target, exposure.callers, self.known)
            if seen is not None:
                shown.append(seen)
            for setting in exposure.callees:
                right = seen
                if setting is not exposure.callers:
                    right = binding_in_effect(key, target, setting, self.known)
                if right is not None and right.binding.id:
                    self._add_grant(right.binding)

    def _add_grant(self, binding: Binding) -> None:
        grants = self._grants[binding.worker]
        key = f"grant/{binding.id}"
        if key not in grants:
            target_bytes = binding.target.SerializeToString()
            grants[key] = _grant(binding.id, binding.caller, binding.worker, target_bytes)


def difference(before: View, after: View) -> tuple[list[Resource], list[str]]:
    """What is new or changed in `after`, and the keys of what is gone."""
    changed = [
        resource
        for key, resource in after.items()
        if (old := before.get(key)) is not resource and old != resource
    ]
    return changed, [key for key in before if key not in after]


def _vars_of_workers(stored: Stored) -> dict[str, Resource]:
    values: defaultdict[str, dict[str, msgspec.Raw]] = defaultdict(dict)
    for (worker, name), setting in sorted(stored.vars.items()):
        values[worker][name] = msgspec.Raw(setting.value_json)
    return {
        worker: Resource(
            key=f"vars/{worker}",
            vars=WorkerVars(worker=worker, vars_json=msgspec.json.encode(members)),
        )
        for worker, members in values.items()
    }
