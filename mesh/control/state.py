"""The core of the control plane: what is stored, who is there, what each agent is to be told. Pure.

No I/O, no clock, no tasks: time (monotonic seconds) is an argument. A change is decided first (a
new `Stored`, see `writes` and `admission`), then made durable by the caller, then adopted here. So
nothing takes effect that is not on disk, and a failing disk leaves everything as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.control.presence import FORGET_SECONDS, LEASE_SECONDS, Presence
from mesh.control.rollout import Audience, Exposure, Rollout, plan
from mesh.control.view import MeshIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh.control.stored import BindingKey, BindingSetting, Stored
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
        self.adopt(stored, now)

    def adopt(self, stored: Stored, now: float) -> set[str]:
        """Let what has been stored take effect. Returns the agents that must be sent something."""
        for key in _changed_keys(self.stored, stored):
            self._start_rollout(key, stored, now)
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
        has_moved = self._move_rollouts(now)
        stored = self.stored.without_registrations(forgotten)
        if stored is self.stored and (has_moved or has_changed):
            stored = self.stored.changed()
        return Effects(
            stored=None if stored is self.stored else stored,
            silent=tuple(silent),
        )

    def next_deadline(self) -> float | None:
        """When time alone brings about something; `None`: never."""
        deadlines = [rollout.deadline for rollout in self.rollouts.values()]
        for presence in self.agents.values():
            over = LEASE_SECONDS
            if presence.is_stale and not presence.is_connected:
                over = FORGET_SECONDS
            deadlines.append(presence.heard_at + over)
        return min(deadlines, default=None)

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

    def unconfirmed(self, agent_ids: Iterable[str], revision: int) -> set[str]:
        """Those of the agents that are still here and do not yet have what holds at `revision`."""
        return {
            agent_id
            for agent_id in agent_ids
            if agent_id in self.agents and not self.agents[agent_id].has_confirmed(revision)
        }

    def _see(self) -> set[str]:
        exposures = {key: rollout.step.exposure for key, rollout in self.rollouts.items()}
        stale = {agent_id for agent_id, presence in self.agents.items() if presence.is_stale}
        self.index = MeshIndex(self.stored, exposures, stale)
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

    def _start_rollout(self, key: BindingKey, stored: Stored, now: float) -> None:
        before, after = self.stored.bindings.get(key), stored.bindings.get(key)
        running = self.rollouts.get(key)
        shown = running.step.exposure if running is not None else Exposure(before, (before,))
        is_revocation = not self.index.targets(key, after)
        rollout = Rollout(
            steps=plan(shown, after, is_revocation=is_revocation),
            granted=(*shown.callees, after),
            revision=stored.revision,
        )
        self.rollouts[key] = rollout
        self._begin_step(key, rollout, now)

    def _begin_step(self, key: BindingKey, rollout: Rollout, now: float) -> None:
        rollout.deadline = now + rollout.step.seconds
        if rollout.step.audience is Audience.CALLERS:
            rollout.audience = frozenset(self.index.hosts.get(key[0], ()))
        else:
            rollout.audience = frozenset(self.index.hosts_of_targets(key, rollout.granted))

    def _move_rollouts(self, now: float) -> bool:
        """Begin the next step wherever the present one is over. Returns whether there is one."""
        has_moved = False
        for key, rollout in list(self.rollouts.items()):
            if now < rollout.deadline and self._is_awaited(rollout):
                continue
            rollout.steps = rollout.steps[1:]
            if rollout.steps:
                rollout.revision = self.stored.revision + 1  # which `tick` makes
                self._begin_step(key, rollout, now)
                has_moved = True
            else:
                del self.rollouts[key]
        return has_moved

    def _is_awaited(self, rollout: Rollout) -> bool:
        """Whether a connected agent has yet to confirm the present step."""
        return any(
            presence.is_connected and not presence.has_confirmed(rollout.revision)
            for agent_id in rollout.audience
            if (presence := self.agents.get(agent_id)) is not None
        )


def _changed_keys(before: Stored, after: Stored) -> list[BindingKey]:
    if before.bindings is after.bindings:
        return []
    return [
        key
        for key in before.bindings.keys() | after.bindings.keys()
        if before.bindings.get(key) != after.bindings.get(key)
    ]
