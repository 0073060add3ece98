"""The mesh as people see it: lists, and what they should look at. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mesh.config.problems import suggestion
from mesh.config.worker_id import WorkerId
from mesh.control.view import binding_in_effect
from mesh.v1.admin_pb2 import AgentStatus, BindingStatus, MeshStatus, VarStatus, WorkerStatus
from mesh.v1.control_pb2 import REMOVED, Position, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh.control.state import MeshState
    from mesh.control.stored import BindingKey, Stored, VarKey


def mesh_status(state: MeshState, software: str) -> MeshStatus:
    """How the mesh is."""
    present = state.present(state.agents)
    connected = sum(state.is_connected(agent_id) for agent_id in present)
    bindings = list_bindings(state)
    return MeshStatus(
        mesh=state.stored.mesh,
        position=position(state.stored),
        software=software,
        agents_connected=connected,
        agents_lost=len(present) - connected,
        workers=len(state.index.running),
        bindings=sum(status.binding.source != REMOVED for status in bindings),
        warnings=[*_warnings(state, bindings)],
    )


def list_agents(state: MeshState, now: float) -> list[AgentStatus]:
    """The agents, by name."""
    statuses: list[AgentStatus] = []
    for agent_id, registration in state.stored.registrations.items():
        presence = state.agents[agent_id]
        is_current = presence.has_confirmed(state.stored.revision)
        revision = state.stored.revision if is_current else presence.acked_revision
        status = AgentStatus(
            agent=registration.agent,
            is_connected=presence.is_connected,
            silent_seconds=0.0 if presence.is_connected else max(0.0, now - presence.heard_at),
            revision=revision,
            workers=sorted(manifest.worker for manifest in registration.workers),
            software=registration.software,
            has_left=registration.has_left,
        )
        for endpoint in registration.endpoints:
            shown = status.endpoints.add()
            shown.CopyFrom(endpoint)
            shown.is_stale = presence.is_stale
        statuses.append(status)
    return sorted(statuses, key=lambda status: status.agent)


def list_workers(state: MeshState) -> list[WorkerStatus]:
    """The workers, by name."""
    agents: defaultdict[str, set[str]] = defaultdict(set)
    digests: defaultdict[str, set[str]] = defaultdict(set)
    routes: defaultdict[str, set[str]] = defaultdict(set)
    edge: set[str] = set()
    for registration in state.stored.registrations.values():
        if registration.has_left:
            continue
        for manifest in registration.workers:
            agents[manifest.worker].add(registration.agent)
            digests[manifest.worker].add(manifest.digest)
            routes[manifest.worker].update(manifest.routes)
            if manifest.edge:
                edge.add(manifest.worker)
    return [
        WorkerStatus(
            worker=worker,
            agents=sorted(agents[worker]),
            digests=sorted(digests[worker]),
            is_edge=worker in edge,
            routes=sorted(routes[worker]),
        )
        for worker in sorted(agents)
    ]


def list_bindings(state: MeshState, caller: str = "", to: str = "") -> list[BindingStatus]:
    """The bindings by caller and name, removed ones among them; those `to` a worker, if given.

    There are several of one name only if agents declare it differently.
    """
    everyone = set(state.index.hosts) | {key[0] for key in state.stored.bindings}
    callers = {caller} if caller else everyone
    wanted = state.index.known.meant_by_name(to) if to else ""
    return [
        status
        for worker in sorted(callers)
        for name in sorted(state.index.names(worker))
        for status in binding_statuses(state, (worker, name))
        if not to or status.binding.worker == wanted
    ]


def binding_statuses(state: MeshState, key: BindingKey) -> list[BindingStatus]:
    """One binding as it is stored; nothing if there is none, several if declared differently."""
    setting = state.stored.bindings.get(key)
    version = setting.version if setting is not None else 0
    found: list[BindingStatus] = []
    all_declared: list[Target] | list[None] = state.index.declared.get(key) or [None]
    for declared in all_declared:
        resource = binding_in_effect(key, declared, setting, state.index.known)
        if resource is None:
            continue
        binding = resource.binding
        status = BindingStatus(
            binding=binding,
            version=version,
            is_available=binding.worker in state.index.running,
            hidden=declared if setting is not None else None,
        )
        if status not in found:
            found.append(status)
    return found


def declared_targets(stored: Stored, key: BindingKey) -> list[Target]:
    """Where agents declare that a binding leads."""
    return [
        declared.target
        for registration in stored.registrations.values()
        for manifest in registration.workers
        if manifest.worker == key[0]
        for declared in manifest.bindings
        if declared.name == key[1]
    ]


def list_vars(stored: Stored, worker: str = "") -> list[VarStatus]:
    """The values that people set, by worker and name."""
    return [
        status
        for key in sorted(stored.vars)
        if not worker or key[0] == worker
        if (status := var_status(stored, key)) is not None
    ]


def var_status(stored: Stored, key: VarKey) -> VarStatus | None:
    """One value; `None`: it is not set."""
    setting = stored.vars.get(key)
    if setting is None:
        return None
    return VarStatus(
        worker=key[0], name=key[1], value_json=setting.value_json, version=setting.version
    )


def idle_warnings(state: MeshState, worker: str, effect: str) -> list[str]:
    """What to say of a worker that no agent runs, which may be a slip of the pen; or nothing."""
    running = state.index.running
    if worker in running:
        return []
    return [f"no agent runs worker {worker}; {effect}{suggestion(worker, running)}"]


def position(stored: Stored) -> Position:
    """The present point in history."""
    return Position(epoch=stored.epoch, revision=stored.revision)


def show_target(target: Target) -> str:
    """A target as people write it: `auth@staging#Admin {"a":1}`."""
    text = str(WorkerId(target.service, target.environment or None))
    if target.entrypoint:
        text += f"#{target.entrypoint}"
    if target.props_json not in {b"", b"{}"}:
        text += f" {target.props_json.decode('utf-8', 'replace')}"
    return text


def _warnings(state: MeshState, bindings: list[BindingStatus]) -> Iterator[str]:
    for agent in list_agents(state, now=0.0):
        if not (agent.is_connected or agent.has_left):
            yield f"agent {agent.agent} has no session; its workers may still serve"
    for worker in list_workers(state):
        if len(worker.digests) > 1:
            yield f"worker {worker.worker} has different files on {', '.join(worker.agents)}"
    for status in bindings:
        binding = status.binding
        what = f"binding {binding.name} of {binding.caller}"
        if binding.source != REMOVED and not status.is_available:
            yield f"{what} leads to {binding.worker}, which no agent runs"
    yield from _odd_settings(state)


def _odd_settings(state: MeshState) -> Iterator[str]:
    names: defaultdict[str, set[str]] = defaultdict(set)
    for registration in state.stored.registrations.values():
        for manifest in registration.workers:
            names[manifest.worker].update(manifest.names)
    for kind, keys in (("binding", state.stored.bindings), ("var", state.stored.vars)):
        for worker, name in sorted(keys):
            if worker not in state.index.running:
                yield f"{kind} {name} is set for {worker}, which no agent runs"
            if kind == "binding" and name in names[worker]:
                yield f"binding {name} of {worker} hides a var or secret of the same name"
