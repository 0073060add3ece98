"""Whatever happens in whatever order, some things always hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mesh.control import writes
from mesh.control.admission import refusal_of, register, with_cells, with_leave
from mesh.control.rejected import Rejected
from mesh.control.rollout import Wait
from mesh.control.state import MeshState
from mesh.control.stored import Stored
from mesh.control.view import MeshIndex
from mesh.v1.control_pb2 import Cells, Position
from tests.support.control_client import endpoint, join, manifest, target

AGENTS = ["a", "b", "c"]
WORKERS = ["gateway", "auth", "auth@x", "shop"]
NAMES = ["AUTH", "SHOP"]
TARGETS = ["auth", "auth@x", "auth-x", "shop#Admin", "gateway", "nobody"]

agents = st.sampled_from(AGENTS)
manifests = st.lists(
    st.builds(
        lambda worker, bindings: manifest(worker, **bindings),
        st.sampled_from(WORKERS),
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TARGETS)),
    ),
    unique_by=lambda manifest: manifest.worker,
)
keys = st.tuples(st.sampled_from(WORKERS), st.sampled_from(NAMES))


class MeshMachine(RuleBasedStateMachine):
    """Agents come, go, lag and ack, while people write and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = MeshState(Stored(mesh="m", epoch="e"), self.now)
        self.views: dict[str, dict] = {}
        self.positions: dict[str, Position] = {}
        self.revoked: set = set()
        """The keys of bindings that have been revoked while callers still see them."""
        self.used: dict[str, dict] = {}
        """The bindings of each agent that its workers may be using: by agent and key."""

    def take(self, stored: Stored) -> None:
        if stored is not self.state.stored:
            assert stored.revision == self.state.stored.revision + 1
            stored = self.state.with_superseded(stored)
            self.state.adopt(stored, self.now)
            for key, rollout in self.state.rollouts.items():
                if rollout.steps[0].wait is rollout.steps[-1].wait is Wait.CONNECTED:
                    self.revoked.add(key)
                    for used in self.used.values():
                        used.pop(key, None)
            self.revoked &= self.state.rollouts.keys()
        while (after := self.state.tick(self.now).stored) is not None:
            assert after.revision == self.state.stored.revision + 1
            self.state.adopt(after, self.now)

    def attempt(self, change) -> None:
        try:
            self.take(change(self.state.stored))
        except Rejected:
            pass

    @rule(agent=agents, workers=manifests, resumes=st.booleans())
    def join(self, agent, workers, resumes) -> None:
        first = join(agent, *workers)
        if resumes and agent in self.positions:
            first.position.CopyFrom(self.positions[agent])
        if refusal_of(first, self.state, self.now) is None:
            known = self.state.stored.registrations.get(first.agent_id)
            if not resumes or known is None or list(known.workers) != list(first.workers):
                self.used.pop(agent, None)  # its process is another one
            self.take(register(first, self.state.stored))
            position = first.position if first.HasField("position") else None
            self.state.connect(first.agent_id, position, self.now)

    @rule(agent=agents)
    def read(self, agent) -> None:
        update = self.state.next_update(f"id-{agent}")
        if update is None:
            return
        if agent in self.positions and self.positions[agent].revision > update.position.revision:
            raise AssertionError("the revision has fallen")
        view = {} if update.is_snapshot else self.views[agent]
        for key in update.removed:
            del view[key]
        view.update({resource.key: resource for resource in update.resources})
        self.views[agent], self.positions[agent] = view, update.position
        assert view == self.state.index.view(f"id-{agent}")
        self.used[agent] = {
            (resource.binding.caller, resource.binding.name): resource.binding
            for resource in view.values()
            if resource.HasField("binding") and self.is_granted(resource.binding)
        }

    def is_granted(self, binding) -> bool:
        hosts = self.state.index.hosts.get(binding.worker, ())
        return all(f"grant/{binding.id}" in self.state.index.view(host) for host in hosts)

    @rule(agent=agents)
    def ack(self, agent) -> None:
        presence = self.state.agents.get(f"id-{agent}")
        if presence is not None and presence.is_connected and agent in self.positions:
            presence.ack(self.positions[agent], "e")
            self.take(self.state.stored)

    @rule(agent=agents)
    def vanish(self, agent) -> None:
        self.state.disconnect(f"id-{agent}")
        self.take(self.state.stored)

    @rule(agent=agents)
    def leave(self, agent) -> None:
        self.state.disconnect(f"id-{agent}")
        self.used.pop(agent, None)
        if f"id-{agent}" in self.state.agents:
            self.take(with_leave(self.state.stored, f"id-{agent}"))

    @rule(agent=agents)
    def rejoin(self, agent) -> None:
        registration = self.state.stored.registrations.get(f"id-{agent}")
        if registration is not None:
            self.join(agent, registration.workers, True)

    @rule()
    def restart(self) -> None:
        self.state = MeshState(self.state.stored, self.now)
        self.revoked.clear()
        self.take(self.state.stored)

    @rule(agent=agents, count=st.integers(0, 2))
    def name_cells(self, agent, count) -> None:
        registration = self.state.stored.registrations.get(f"id-{agent}")
        if registration is not None:
            own = [manifest.worker for manifest in registration.workers]
            cells = Cells(endpoints=[endpoint(f"{agent}{i}", *own) for i in range(count)])
            self.take(with_cells(self.state.stored, f"id-{agent}", cells))

    @rule(key=keys, to=st.sampled_from(TARGETS))
    def set_binding(self, key, to) -> None:
        self.attempt(lambda stored: writes.set_binding(stored, key, target(to)))

    @rule(key=keys)
    def remove_binding(self, key) -> None:
        self.attempt(lambda stored: writes.remove_binding(stored, key))

    @rule(key=keys)
    def reset_binding(self, key) -> None:
        self.attempt(lambda stored: writes.reset_binding(stored, key))

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 9.0, 5000.0]))
    def time_passes(self, seconds) -> None:
        self.now += seconds
        self.take(self.state.stored)

    @invariant()
    def presence_matches_registrations(self) -> None:
        assert self.state.agents.keys() == self.state.stored.registrations.keys()

    @invariant()
    def what_callers_see_is_granted_unless_it_is_being_revoked(self) -> None:
        """As the control plane shows it: the binding's id is among the grants of the callee."""
        for agent_id in self.state.agents:
            for resource in self.state.index.view(agent_id).values():
                if not resource.HasField("binding") or not resource.binding.id:
                    continue
                binding = resource.binding
                is_revoked = (binding.caller, binding.name) in self.revoked
                for host in self.state.index.hosts.get(binding.worker, ()):
                    view = self.state.index.view(host)
                    assert is_revoked or f"grant/{binding.id}" in view

    @invariant()
    def what_callers_may_use_is_granted(self) -> None:
        """Also by those without a session, and over restarts of the control plane."""
        for agent, used in self.used.items():
            registration = self.state.stored.registrations.get(f"id-{agent}")
            if registration is None or registration.has_left:
                continue
            own = {manifest.worker for manifest in registration.workers}
            for (caller, _), binding in used.items():
                assert caller not in own or self.is_granted(binding)

    def teardown(self) -> None:
        """In the end, what is shown is what is stored."""
        for agent in AGENTS:
            self.rejoin(agent)
        for _ in range(4):
            self.now += 1.0
            for agent in AGENTS:
                self.read(agent)
                self.ack(agent)
        assert not self.state.rollouts
        assert not self.state.stored.superseded
        final = MeshIndex(
            self.state.stored, {}, {i for i, p in self.state.agents.items() if p.is_stale}
        )
        for agent_id in self.state.agents:
            assert self.state.index.view(agent_id) == final.view(agent_id)


TestMeshMachine = MeshMachine.TestCase
TestMeshMachine.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
TestMeshMachine = pytest.mark.slow(TestMeshMachine)
