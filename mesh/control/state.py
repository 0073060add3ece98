"""The core of the control plane: what is stored, who is there, what each agent is to be told. Pure.

No I/O, no clock, no tasks: time (monotonic seconds) is an argument. A change is decided first (a
new `Stored`, see `writes` and `admission`), then made durable by the caller, then adopted here. So
nothing takes effect that is not on disk, and a failing disk leaves everything as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh.control.presence import FORGET_SECONDS, LEASE_SECONDS, Presence
from mesh.control.rollout import (
    Audience,
    Exposure,
    Rollout,
    Wait,
    exposure_of,
    plan,
    superseded_by,
)
from mesh.control.view import MeshIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh.control.stored import BindingKey, BindingSetting, Stored, Superseded
    from mesh.v1.control_pb2 import Position, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What is to be done because time has passed, or agents have confirmed something."""

    stored: Stored | None = None
    """To be stored if possible, and adopted in any case; `None`: nothing has changed."""

    silent: tuple[str, ...] = ()
    """The agents whose sessions are to end."""


class MeshState:
    """One mesh. Every method is synchronous, and leaves it consistent."""

    def __init__(self, stored: Stored, now: float) -> None:
        self.stored = stored
        self.agents: dict[str, Presence] = {}
        self.rollouts: dict[BindingKey, Rollout] = {}
        self.index = MeshIndex(stored, {})
        for key, superseded in stored.superseded.items():
            shown = exposure_of(superseded, stored.bindings.get(key))
            self._start_rollout(key, shown, stored, now)
        self.adopt(stored, now)

    def with_superseded(self, stored: Stored) -> Stored:
        """A change that is being decided, with what it leaves granted for the time being.

        Raises: Rejected.
        """
        superseded = dict(stored.superseded)
        for key in _changed_keys(self.stored, stored):
            after = stored.bindings.get(key)
            kept = None
            if self.index.targets(key, after):  # else it is a revocation
                kept = superseded_by(self._shown(key), after)
            superseded.pop(key, None)
            if kept is not None:
                superseded[key] = kept
        if superseded == stored.superseded:
            return stored
        return replace(stored, superseded=superseded)

    def adopt(self, stored: Stored, now: float) -> set[str]:
        """Let what has been stored take effect. Returns the agents that must be sent something."""
        for key in _changed_keys(self.stored, stored):
            self._start_rollout(key, self._shown(key), stored, now)
        self.stored = stored
        for agent_id in self.agents.keys() - stored.registrations.keys():
            del self.agents[agent_id]
        for agent_id in stored.registrations.keys() - self.agents.keys():
            self.agents[agent_id] = Presence(heard_at=now)
        return self._see()

    def connect(self, agent_id: str, position: Position | None, now: float) -> None:
        """A registered agent has a session; a former one of it is over."""
        presence = self.agents[agent_id]
        presence.connect(self.stored, position, now)
        presence.see(self.index.view(agent_id), self.stored.revision)

    def disconnect(self, agent_id: str) -> None:
        """An agent's session has ended, for whatever reason."""
        if agent_id in self.agents:
            self.agents[agent_id].is_connected = False

    def is_connected(self, agent_id: str) -> bool:
        """Whether an agent has a session."""
        return agent_id in self.agents and self.agents[agent_id].is_connected

    def callers_of(self, agent_id: str) -> set[str]:
        """The connected agents that are told of the cells of this one."""
        endpoints = self.stored.registrations[agent_id].endpoints
        keys = {f"endpoint/{endpoint.id}" for endpoint in endpoints}
        return {
            other
            for other, presence in self.agents.items()
            if presence.is_connected and not keys.isdisjoint(presence.view)
        }

    def hear(self, agent_id: str, now: float) -> None:
        """An agent has said something in its session."""
        self.agents[agent_id].heard_at = now

    def forgive(self, seconds: float, now: float) -> None:
        """This process itself stood still: nobody's silence in that time counts."""
        for presence in self.agents.values():
            presence.heard_at = min(now, presence.heard_at + seconds)

    def next_update(self, agent_id: str) -> Update | None:
        """What to send to an agent now, taken as sent; `None`: nothing."""
        presence = self.agents.get(agent_id)
        return None if presence is None else presence.next_update(self.stored)

    def tick(self, now: float) -> Effects:
        """What time and confirmations bring about; to be repeated until nothing is to be stored."""
        silent = [
            agent_id
            for agent_id, presence in self.agents.items()
            if presence.is_connected and now >= presence.heard_at + LEASE_SECONDS
        ]
        for agent_id in silent:
            self.agents[agent_id].is_connected = False
        forgotten, has_changed = self._expire_leases(now)
        has_moved, superseded = self._move_rollouts(now)
        stored = self.stored.without_registrations(forgotten)
        if stored is self.stored and (has_moved or has_changed):
            stored = self.stored.changed()
        if superseded != stored.superseded:
            stored = replace(stored, superseded=superseded)
        return Effects(
            stored=None if stored is self.stored else stored,
            silent=tuple(silent),
        )

    def next_deadline(self) -> float:
        """When time alone brings about something; infinity: never."""
        ends = (self._step_ends_at(key, rollout) for key, rollout in self.rollouts.items())
        deadlines = list(ends)
        for presence in self.agents.values():
            over = LEASE_SECONDS
            if presence.is_stale and not presence.is_connected:
                over = FORGET_SECONDS
            deadlines.append(presence.heard_at + over)
        return min(deadlines, default=float("inf"))

    def concerned(self, key: BindingKey, *settings: BindingSetting | None) -> set[str]:
        """The agents that have to know of a change of a binding between these states."""
        rollout = self.rollouts.get(key)
        granted = rollout.granted if rollout is not None else ()
        callees = self.index.hosts_of_targets(key, (*settings, *granted))
        return callees | self.index.hosts.get(key[0], set())

    def has_untold_callers(self, key: BindingKey) -> bool:
        """Whether a binding is changing, and its callers are still to be told."""
        rollout = self.rollouts.get(key)
        return rollout is not None and any(
            step.audience is Audience.CALLERS for step in rollout.steps[1:]
        )

    def is_waiting_for(self, key: BindingKey) -> bool:
        """Whether a binding is changing, and that waits for more than agents without a session."""
        rollout = self.rollouts.get(key)
        if rollout is None:
            return False
        if rollout.step.wait is not Wait.ALL:
            return True
        return any(self.agents[agent_id].is_connected for agent_id in self._awaited(key, rollout))

    def present(self, agent_ids: Iterable[str]) -> set[str]:
        """Those of the agents that belong to the mesh and have not left it, connected or not."""
        registrations = self.stored.registrations
        return {
            agent_id
            for agent_id in agent_ids
            if agent_id in registrations and not registrations[agent_id].has_left
        }

    def unconfirmed(self, agent_ids: Iterable[str], revision: int) -> set[str]:
        """Those of the agents that are still here and do not yet have what holds at `revision`."""
        return {
            agent_id
            for agent_id in self.present(agent_ids)
            if not self.agents[agent_id].has_confirmed(revision)
        }

    def exposures(self) -> dict[BindingKey, Exposure]:
        """What is seen of the bindings that are changing."""
        return {key: rollout.step.exposure for key, rollout in self.rollouts.items()}

    def exposures_with(self, stored: Stored) -> dict[BindingKey, Exposure]:
        """What will be seen of them first, once `stored` is adopted."""
        exposures = self.exposures()
        for key in _changed_keys(self.stored, stored):
            after = stored.bindings.get(key)
            is_revocation = not self.index.targets(key, after)
            steps = plan(self._shown(key), after, is_revocation=is_revocation)
            exposures[key] = steps[0].exposure
        return exposures

    def _see(self) -> set[str]:
        stale = {agent_id for agent_id, presence in self.agents.items() if presence.is_stale}
        self.index = MeshIndex(self.stored, self.exposures(), stale)
        return {
            agent_id
            for agent_id, presence in self.agents.items()
            if presence.is_connected
            and presence.see(self.index.view(agent_id), self.stored.revision)
        }

    def _expire_leases(self, now: float) -> tuple[set[str], bool]:
        forgotten: set[str] = set()
        has_changed = False
        for agent_id, presence in self.agents.items():
            silence = now - presence.heard_at
            if presence.is_connected or silence < LEASE_SECONDS:
                continue
            if not presence.is_stale:
                presence.is_stale = has_changed = True
            if silence >= FORGET_SECONDS:
                forgotten.add(agent_id)
        return forgotten, has_changed

    def _shown(self, key: BindingKey) -> Exposure:
        """What is seen of a binding now."""
        running = self.rollouts.get(key)
        if running is not None:
            return running.step.exposure
        present = self.stored.bindings.get(key)
        return Exposure(present, (present,))

    def _start_rollout(self, key: BindingKey, shown: Exposure, stored: Stored, now: float) -> None:
        after = stored.bindings.get(key)
        is_revocation = not self.index.targets(key, after)
        self.rollouts[key] = Rollout(
            steps=plan(shown, after, is_revocation=is_revocation),
            granted=(*shown.callees, after),
            revision=stored.revision,
            began=now,
        )

    def _move_rollouts(self, now: float) -> tuple[bool, Mapping[BindingKey, Superseded]]:
        """Begin the next step wherever the present one is over.

        Returns whether there is one, and what is still granted besides the settings then.
        """
        has_moved = False
        superseded = dict(self.stored.superseded)
        for key, rollout in list(self.rollouts.items()):
            self._note_confirmations(key, rollout)
            if now < self._step_ends_at(key, rollout):
                continue
            rollout.advance(self.stored.revision + 1, now)  # which `tick` makes
            if not rollout.steps:
                del self.rollouts[key]
                continue
            has_moved = True  # so nothing superseded changes without a revision
            if rollout.step.wait is not Wait.ALL:
                superseded.pop(key, None)
            elif key in superseded:
                superseded[key] = replace(superseded[key], is_told=True)
        return has_moved, superseded

    def _audience(self, key: BindingKey, rollout: Rollout) -> set[str]:
        """The agents that the present step tells something that they must know before the next."""
        step = rollout.step
        if step.audience is Audience.CALLERS:
            return self.index.hosts.get(key[0], set())
        if step.wait is Wait.REACHABLE:  # whoever grants the old targets knows them
            return self.index.hosts_of_targets(key, step.exposure.callees[-1:])
        return self.index.hosts_of_targets(key, rollout.granted)

    def _note_confirmations(self, key: BindingKey, rollout: Rollout) -> None:
        """Kept, since an agent whose session ends knows what it has confirmed all the same."""
        rollout.confirmed.update(
            agent_id
            for agent_id in self._audience(key, rollout)
            if agent_id in self.agents and self.agents[agent_id].has_confirmed(rollout.revision)
        )

    def _awaited(self, key: BindingKey, rollout: Rollout) -> set[str]:
        """The agents that have yet to confirm the present step."""
        return self.present(self._audience(key, rollout) - rollout.confirmed)

    def _step_ends_at(self, key: BindingKey, rollout: Rollout) -> float:
        """When the present step ends, if nobody confirms anything any more."""
        return max(
            (
                rollout.step.waits_until(rollout.began, self.agents[agent_id])
                for agent_id in self._awaited(key, rollout)
            ),
            default=rollout.began,
        )


def _changed_keys(before: Stored, after: Stored) -> list[BindingKey]:
    if before.bindings is after.bindings:
        return []
    return [
        key
        for key in before.bindings.keys() | after.bindings.keys()
        if before.bindings.get(key) != after.bindings.get(key)
    ]
