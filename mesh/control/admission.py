"""Whether an agent may take part, and what its coming and going changes in what is stored. Pure.

All reasons against it are found at once. Not whether its workers are any good, nor, before there
is identity, whether it is who it says it is.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mesh.control.names import wrong_with_name, wrong_with_target, wrong_with_worker
from mesh.control.presence import LEASE_SECONDS
from mesh.control.rejected import Rejected, Rejection
from mesh.control.stored import Registration
from mesh.v1.control_pb2 import Endpoint, Refusal, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mesh.control.state import MeshState
    from mesh.control.stored import Stored
    from mesh.v1.control_pb2 import Cells, Join, WorkerManifest

PROTOCOL: Final = 1
"""The version of the protocol that this control plane speaks."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

_AGENT: Final = re.compile(r"[^\s/\x00-\x1f\x7f]{1,253}")
"""A host's name, or whatever else somebody likes to read in a table."""


def refusal_of(join: Join, state: MeshState, now: float) -> Refusal | None:
    """Why the agent cannot take part; `None`: it can."""
    reasons = [*_wrong_with_agent(join, state.stored.mesh)]
    twice = [name for name, n in Counter(m.worker for m in join.workers).items() if n > 1]
    reasons += [
        RefusalReason(
            where=f"worker {name}", reason="the agent names it twice", fix="run each worker once"
        )
        for name in twice
    ]
    for manifest in join.workers:
        reasons += _wrong_with_manifest(manifest)
    if reasons:
        return Refusal(reasons=reasons)
    if (original := _original_of(join, state)) is not None:
        return Refusal(reasons=[original])
    holder = _holder_of_name(join, state, now)
    return Refusal(reasons=[holder], is_transient=True) if holder is not None else None


def register(join: Join, stored: Stored) -> Stored:
    """What is stored with the agent; its endpoints stay those last known until it names others.

    An agent of the same name that is lost or has left makes way.
    """
    namesakes = {
        registration.agent_id
        for registration in stored.registrations.values()
        if registration.agent == join.agent and registration.agent_id != join.agent_id
    }
    left = stored.without_registrations(namesakes)
    known = left.registrations.get(join.agent_id)
    workers = {manifest.worker for manifest in join.workers}
    endpoints = known.endpoints if known is not None and known.agent == join.agent else ()
    registration = Registration(
        agent_id=join.agent_id,
        agent=join.agent,
        software=join.software,
        workers=tuple(join.workers),
        endpoints=tuple(e for e in endpoints if workers.issuperset(e.workers)),
    )
    return left.with_registration(registration)


def with_cells(stored: Stored, agent_id: str, cells: Cells) -> Stored:
    """What is stored once an agent has named its cells.

    Raises: Rejected, if that cannot be.
    """
    registration = stored.registrations[agent_id]
    own = {manifest.worker for manifest in registration.workers}
    taken = {
        endpoint.id: other.agent
        for other in stored.registrations.values()
        if other.agent_id != agent_id
        for endpoint in other.endpoints
    }
    endpoints: list[Endpoint] = []
    for endpoint in cells.endpoints:
        wrong = _wrong_with_endpoint(endpoint, registration, own, taken)
        if wrong:
            raise Rejected(Rejection.INVALID, f"endpoint `{endpoint.id}`: {wrong}")
        taken[endpoint.id] = registration.agent
        kept = Endpoint()
        kept.CopyFrom(endpoint)
        kept.agent = registration.agent
        kept.is_stale = False
        endpoints.append(kept)
    return stored.with_registration(replace(registration, endpoints=tuple(endpoints)))


def with_leave(stored: Stored, agent_id: str) -> Stored:
    """What is stored once an agent has ended on purpose: it serves nothing, and may come back.

    It stays registered, since it may start again while the control plane is away and then calls
    what it called before; so that must stay granted.
    """
    registration = stored.registrations[agent_id]
    return stored.with_registration(replace(registration, endpoints=(), has_left=True))


def _wrong_with_agent(join: Join, mesh: str) -> Iterator[RefusalReason]:
    if join.protocol != PROTOCOL:
        yield RefusalReason(
            where="protocol",
            reason=f"the agent speaks version {join.protocol}, this control plane {PROTOCOL}",
            fix="install the same release of workermesh on both",
        )
    if join.mesh and join.mesh != mesh:
        yield RefusalReason(
            where="mesh",
            reason=f"this control plane runs mesh {mesh}, the agent belongs to {join.mesh}",
            fix="give the agent the address of its own control plane, "
            "or an empty --state-dir to join this mesh",
        )
    if not join.agent_id or len(join.agent_id) > 200:
        yield RefusalReason(
            where="agent id", reason="there is none, or it is too long", fix="update the agent"
        )
    if not _AGENT.fullmatch(join.agent):
        yield RefusalReason(
            where="agent",
            reason=f"`{join.agent}` is not a name: no spaces, no `/`, 1 to 253 characters",
            fix="give the agent another name",
        )


def _wrong_with_manifest(manifest: WorkerManifest) -> Iterator[RefusalReason]:
    where = f"worker {manifest.worker}"
    if wrong := wrong_with_worker(manifest.worker):
        yield RefusalReason(where=where, reason=wrong, fix="rename the worker")
    if not _DIGEST.fullmatch(manifest.digest):
        yield RefusalReason(
            where=where,
            reason=f"`{manifest.digest[:80]}` is not a SHA-256 in 64 hexadecimal digits",
            fix="update the agent",
        )
    counts = Counter(binding.name for binding in manifest.bindings)
    for binding in manifest.bindings:
        place = f"{where}: binding {binding.name}"
        for wrong in (wrong_with_name(binding.name), wrong_with_target(binding.target)):
            if wrong:
                yield RefusalReason(where=place, reason=wrong, fix="mend its wrangler file")
    for name, count in counts.items():
        place = f"{where}: binding {name}"
        if count > 1:
            yield RefusalReason(
                where=place, reason="there are two of that name", fix="rename one of them"
            )
        if name in manifest.names:
            yield RefusalReason(
                where=place,
                reason="a var or secret of the worker has the same name",
                fix="rename one of them",
            )


def _original_of(join: Join, state: MeshState) -> RefusalReason | None:
    """One agent does not change its name while it runs: somebody has copied its identity."""
    known = state.stored.registrations.get(join.agent_id)
    if known is None or known.agent == join.agent:
        return None
    if not state.agents[join.agent_id].is_connected:
        return None
    return RefusalReason(
        where=f"agent {join.agent}",
        reason=f"agent {known.agent} is connected with the same agent id",
        fix=f"its state directory is a copy of that of agent {known.agent}: "
        "delete agent.id in it, or give it its own --state-dir",
    )


def _holder_of_name(join: Join, state: MeshState, now: float) -> RefusalReason | None:
    """An agent that may come back keeps its name for the lease, also if its session is gone."""
    for registration in state.stored.registrations.values():
        if registration.agent != join.agent or registration.agent_id == join.agent_id:
            continue
        if registration.has_left:
            continue
        presence = state.agents[registration.agent_id]
        if presence.is_connected or now < presence.heard_at + LEASE_SECONDS:
            return RefusalReason(
                where=f"agent {join.agent}",
                reason="another agent of this mesh has that name",
                fix="give this one another name with --agent, or stop the other",
            )
    return None


def _wrong_with_endpoint(
    endpoint: Endpoint, registration: Registration, own: set[str], taken: dict[str, str]
) -> str:
    if not endpoint.id or not endpoint.address:
        return "it has no id or no address"
    if endpoint.agent not in {"", registration.agent}:
        return f"it is said to be of agent {endpoint.agent}, not of {registration.agent}"
    if endpoint.id in taken:
        return f"agent {taken[endpoint.id]} has one of the same id"
    foreign = _first(worker for worker in endpoint.workers if worker not in own)
    return f"the agent has not registered worker {foreign}" if foreign else ""


def _first(items: Iterable[str]) -> str:
    return next(iter(items), "")
