"""The pure core: leases, rollouts, views, resuming. No sockets, no clock."""

from __future__ import annotations

import pytest

from mesh.control import writes
from mesh.control.admission import refusal_of, register, with_cells, with_leave
from mesh.control.presence import FORGET_SECONDS, LEASE_SECONDS
from mesh.control.rejected import Rejected
from mesh.control.rollout import SUPERSEDED_LIMIT
from mesh.control.state import MeshState
from mesh.control.stored import Stored
from mesh.control.view import KnownWorkers
from mesh.v1.control_pb2 import REMOVED, SET, Cells, Position, Update
from tests.support.control_client import endpoint, join, manifest, target


class Mesh:
    """A core with agents that read everything at once and ack when they are told."""

    def __init__(self, *joins) -> None:
        self.now = 100.0
        self.state = MeshState(Stored(mesh="mesh-1", epoch="e"), self.now)
        self.views: dict[str, dict] = {}
        self.received: dict[str, Position] = {}
        for first in joins:
            self.join(first)

    def join(self, first) -> Update:
        assert refusal_of(first, self.state, self.now) is None
        self.take(register(first, self.state.stored))
        position = first.position if first.HasField("position") else None
        self.state.connect(first.agent_id, position, self.now)
        return self.read(first.agent_id)

    def take(self, stored) -> None:
        if stored is not self.state.stored:
            assert stored.revision > self.state.stored.revision
            self.state.adopt(self.state.with_superseded(stored), self.now)
        self.settle()

    def settle(self) -> tuple[str, ...]:
        silent = ()
        while True:
            effects = self.state.tick(self.now)
            silent += effects.silent
            if effects.stored is None:
                return silent
            self.take(effects.stored)

    def read(self, agent_id: str) -> Update | None:
        update = self.state.next_update(agent_id)
        if update is not None:
            view = {} if update.is_snapshot else self.views.setdefault(agent_id, {})
            for key in update.removed:
                del view[key]
            view.update({resource.key: resource for resource in update.resources})
            self.views[agent_id] = view
            self.received[agent_id] = update.position
        return update

    def ack(self, *agent_ids: str) -> None:
        for agent_id in agent_ids:
            self.read(agent_id)
            self.state.agents[agent_id].ack(self.received[agent_id], "e")
        self.settle()

    def pass_seconds(self, seconds: float) -> tuple[str, ...]:
        self.now += seconds
        return self.settle()

    def leads_to(self, agent_id: str, key: str) -> str:
        self.read(agent_id)
        resource = self.views[agent_id].get(f"binding/{key}")
        return resource.binding.worker if resource is not None else "-"

    def granted(self, agent_id: str) -> set[str]:
        self.read(agent_id)
        view = self.views[agent_id].values()
        return {r.grant.worker for r in view if r.HasField("grant")}

    def bind(self, to: str) -> None:
        key = ("gateway", "AUTH")
        self.take(writes.set_binding(self.state.stored, key, target(to)))


def three() -> Mesh:
    """A gateway bound to auth, and auth2 elsewhere; everybody is up to date."""
    mesh = Mesh(join("a", manifest("gateway", AUTH="auth")), join("b", "auth"), join("c", "auth2"))
    mesh.ack("id-a", "id-b", "id-c")
    return mesh


def test_grant_reaches_callees_before_callers() -> None:
    """Then the callers, and only then the old callee loses its grant."""
    mesh = three()
    mesh.bind("auth2")
    assert (mesh.leads_to("id-a", "gateway/AUTH"), mesh.granted("id-c")) == ("auth", {"auth2"})
    mesh.ack("id-c")
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth2"
    assert mesh.granted("id-b") == {"auth"}
    mesh.ack("id-a")
    assert mesh.granted("id-b") == set()
    assert mesh.state.rollouts
    mesh.ack("id-b")
    assert not mesh.state.rollouts


def test_revocation_reaches_callees_before_callers() -> None:
    """A removed binding ends at the callee first."""
    mesh = three()
    mesh.take(writes.remove_binding(mesh.state.stored, ("gateway", "AUTH")))
    assert (mesh.leads_to("id-a", "gateway/AUTH"), mesh.granted("id-b")) == ("auth", set())
    mesh.ack("id-b")
    mesh.read("id-a")
    binding = mesh.views["id-a"]["binding/gateway/AUTH"].binding
    assert (binding.source, binding.id, binding.worker) == (REMOVED, "", "")
    mesh.ack("id-a")
    assert not mesh.state.rollouts


def test_callee_that_never_confirms_holds_up_nobody() -> None:
    """One with a session has a second."""
    mesh = three()
    mesh.bind("auth2")
    mesh.pass_seconds(0.9)
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth"
    mesh.pass_seconds(0.1)
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth2"
    mesh.ack("id-a")
    mesh.pass_seconds(1.0)
    assert not mesh.state.rollouts
    everybody = mesh.state.unconfirmed(mesh.state.agents, mesh.state.stored.revision)
    assert everybody == {"id-b", "id-c"}


@pytest.mark.parametrize("is_connected", [True, False])
def test_old_grant_stays_until_every_caller_has_confirmed(is_connected: bool) -> None:
    """However long it takes, and whether or not the caller's agent has a session."""
    mesh = three()
    if not is_connected:
        mesh.state.disconnect("id-a")
    mesh.bind("auth2")
    mesh.ack("id-b", "id-c")
    for _ in range(100):
        for agent_id in ("id-a", "id-b", "id-c") if is_connected else ("id-b", "id-c"):
            mesh.state.hear(agent_id, mesh.now)
        mesh.pass_seconds(5.0)
    assert (mesh.granted("id-b"), mesh.granted("id-c")) == ({"auth"}, {"auth2"})
    mesh.join(join("a", manifest("gateway", AUTH="auth"), position=mesh.received["id-a"]))
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth2"
    mesh.ack("id-a")
    assert mesh.granted("id-b") == set()
    mesh.ack("id-b")
    assert not mesh.state.rollouts
    assert not mesh.state.stored.superseded


@pytest.mark.parametrize("leaves", [True, False])
def test_caller_that_goes_is_not_waited_for(leaves: bool) -> None:
    """It leaves, or is forgotten."""
    mesh = Mesh(
        join("a", manifest("gateway", AUTH="auth")),
        join("a2", manifest("gateway", AUTH="auth")),
        join("b", "auth"),
        join("c", "auth2"),
    )
    mesh.ack("id-a", "id-a2", "id-b", "id-c")
    mesh.state.disconnect("id-a2")
    mesh.bind("auth2")
    mesh.ack("id-c")
    mesh.ack("id-a")
    assert mesh.granted("id-b") == {"auth"}
    if leaves:
        mesh.take(with_leave(mesh.state.stored, "id-a2"))
    else:
        mesh.state.agents["id-a2"].heard_at -= FORGET_SECONDS
        mesh.settle()
    assert mesh.granted("id-b") == set()


def test_confirmation_outlives_the_session() -> None:
    """A caller's agent that has confirmed and is then lost keeps nothing granted."""
    mesh = three()
    mesh.state.disconnect("id-b")
    mesh.bind("auth2")
    mesh.read("id-a")
    mesh.ack("id-c")
    mesh.join(join("a2", manifest("gateway", AUTH="auth")))
    mesh.ack("id-a")
    mesh.state.disconnect("id-a")
    mesh.join(join("b", "auth"))
    assert mesh.granted("id-b") == {"auth"}
    mesh.ack("id-a2")
    assert mesh.granted("id-b") == set()


def test_new_callee_without_a_session_is_given_time_to_join_again() -> None:
    """Six seconds, if it was heard of within the lease; one that serves the old way has time."""
    mesh = three()
    for agent_id in ("id-b", "id-c"):
        mesh.state.disconnect(agent_id)
    mesh.bind("auth2")
    mesh.pass_seconds(5.0)
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth"
    mesh.join(join("c", "auth2"))
    mesh.ack("id-c")
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth2"
    mesh.state.disconnect("id-c")
    mesh.ack("id-a")
    mesh.bind("auth2#Admin")
    mesh.state.hear("id-a", mesh.now)
    mesh.pass_seconds(5.9)
    mesh.read("id-a")
    assert "Admin" not in str(mesh.views["id-a"])
    mesh.pass_seconds(0.2)
    mesh.read("id-a")
    assert "Admin" in str(mesh.views["id-a"])


def test_new_callee_beyond_its_lease_is_not_waited_for() -> None:
    """It is lost."""
    mesh = three()
    mesh.state.disconnect("id-c")
    mesh.now += LEASE_SECONDS
    for agent_id in ("id-a", "id-b"):
        mesh.state.hear(agent_id, mesh.now)
    mesh.settle()
    mesh.bind("auth2")
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth2"


def restarted(mesh: Mesh) -> Mesh:
    """The control plane after a kill: it has nothing but what is stored."""
    again = Mesh()
    again.state = MeshState(mesh.state.stored, again.now)
    return again


@pytest.mark.parametrize("steps", [0, 1])
def test_order_outlives_the_control_plane(steps: int) -> None:
    """Killed in a change, it goes on from the first step; callers are never told the old again."""
    mesh = three()
    mesh.bind("auth2")
    for _ in range(steps):
        mesh.ack("id-c")
    again = restarted(mesh)
    again.join(join("a", manifest("gateway", AUTH="auth")))
    assert again.leads_to("id-a", "gateway/AUTH") == ("auth2" if steps else "auth")
    again.ack("id-a")
    again.join(join("c", "auth2"))
    again.join(join("b", "auth"))
    assert (again.granted("id-b"), again.granted("id-c")) == ({"auth"}, {"auth2"})
    again.ack("id-c")
    assert again.leads_to("id-a", "gateway/AUTH") == "auth2"
    if not steps:
        assert again.granted("id-b") == {"auth"}
        again.ack("id-a")
    assert again.granted("id-b") == set()
    assert not again.state.stored.superseded


def test_several_superseded_settings() -> None:
    """All stay granted until the lost caller is back; what is bound anew is not withdrawn."""
    mesh = three()
    mesh.join(join("a2", manifest("gateway", AUTH="auth")))
    mesh.ack("id-a2")
    mesh.state.disconnect("id-a2")
    for to in ("auth2", "auth2#Admin", "auth"):
        mesh.bind(to)
        for _ in range(2):
            mesh.ack("id-b", "id-c", "id-a")
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth"
    assert (mesh.granted("id-b"), mesh.granted("id-c")) == ({"auth"}, {"auth2"})
    kept = mesh.state.stored.superseded["gateway", "AUTH"]
    assert (kept.is_told, len(kept.settings)) == (True, 3)
    again = restarted(mesh)
    again.join(join("b", "auth"))
    again.join(join("c", "auth2"))
    assert (again.granted("id-b"), again.granted("id-c")) == ({"auth"}, {"auth2"})
    grants = [r.grant.entrypoint for r in again.views["id-c"].values() if r.HasField("grant")]
    assert sorted(grants) == ["", "Admin"]
    again.join(join("a", manifest("gateway", AUTH="auth")))
    again.join(join("a2", manifest("gateway", AUTH="auth")))
    again.ack("id-b", "id-c", "id-a", "id-a2")
    assert (again.granted("id-b"), again.granted("id-c")) == ({"auth"}, set())


def test_number_of_superseded_settings_is_bounded() -> None:
    """While an agent is lost, what it has stays, and nobody can write without end."""
    mesh = three()
    mesh.state.disconnect("id-a")
    for i in range(SUPERSEDED_LIMIT):
        mesh.bind(f"auth2#E{i}")
        mesh.ack("id-c")
    with pytest.raises(Rejected, match="confirmed none of it"):
        mesh.bind("auth2#More")
    assert len(mesh.state.stored.superseded["gateway", "AUTH"].settings) == SUPERSEDED_LIMIT
    assert mesh.granted("id-b") == {"auth"}


def test_revocation_ends_what_is_superseded() -> None:
    """At once, also for a caller that is lost, and for good."""
    mesh = three()
    mesh.state.disconnect("id-a")
    mesh.bind("auth2")
    mesh.ack("id-c")
    mesh.take(writes.remove_binding(mesh.state.stored, ("gateway", "AUTH")))
    assert (mesh.granted("id-b"), mesh.granted("id-c")) == (set(), set())
    assert not mesh.state.stored.superseded
    mesh.bind("auth2")
    assert (mesh.granted("id-b"), mesh.granted("id-c")) == (set(), {"auth2"})


def test_later_write_wins_in_the_middle_of_an_earlier_one() -> None:
    """What the callers have is granted at every moment; in the end only the last target is."""
    mesh = three()
    mesh.bind("auth2")
    mesh.ack("id-c")
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth2"
    mesh.bind("auth")
    assert mesh.granted("id-c") == {"auth2"}
    assert mesh.granted("id-b") == {"auth"}
    for _ in range(4):
        mesh.ack("id-a", "id-b", "id-c")
    assert not mesh.state.rollouts
    assert mesh.leads_to("id-a", "gateway/AUTH") == "auth"
    assert mesh.granted("id-c") == set()


def test_binding_declared_set_removed_reset() -> None:
    """A set one hides the declared one, a removed one hides both, a reset returns to it."""
    mesh = three()
    everybody = ("id-a", "id-b", "id-c")
    key = ("gateway", "AUTH")
    seen = []
    for change in (
        lambda stored: writes.set_binding(stored, key, target("auth2")),
        lambda stored: writes.remove_binding(stored, key),
        lambda stored: writes.reset_binding(stored, key),
    ):
        mesh.take(change(mesh.state.stored))
        for _ in range(4):
            mesh.ack(*everybody)
        seen.append((mesh.leads_to("id-a", "gateway/AUTH"), mesh.granted("id-b")))
    assert seen == [("auth2", set()), ("", set()), ("auth", {"auth"})]


def test_different_declarations_of_one_worker() -> None:
    """Each agent's callers have their own; the callees grant both."""
    mesh = Mesh(
        join("a", manifest("gateway", AUTH="auth")),
        join("b", manifest("gateway", AUTH="auth#Admin")),
        join("c", "auth"),
    )
    mesh.read("id-c")
    grants = [r.grant for r in mesh.views["id-c"].values() if r.HasField("grant")]
    assert sorted(grant.entrypoint for grant in grants) == ["", "Admin"]
    mesh.read("id-b")
    binding = mesh.views["id-b"]["binding/gateway/AUTH"].binding
    assert (binding.target.entrypoint, binding.worker) == ("Admin", "auth")


def test_endpoints_are_those_of_other_agents_that_run_targets() -> None:
    """Neither the agent's own, nor those that none of its bindings needs."""
    mesh = three()
    for agent_id, workers in (("id-a", ["gateway"]), ("id-b", ["auth"]), ("id-c", ["auth2"])):
        cells = Cells(endpoints=[endpoint(f"cell-{agent_id}", *workers)])
        mesh.take(with_cells(mesh.state.stored, agent_id, cells))
    mesh.read("id-a")
    found = [r.endpoint for r in mesh.views["id-a"].values() if r.HasField("endpoint")]
    assert [(e.id, e.agent, e.is_stale) for e in found] == [("cell-id-b", "b", False)]
    mesh.read("id-b")
    assert not [r for r in mesh.views["id-b"].values() if r.HasField("endpoint")]


def test_lost_agent_is_stale_then_forgotten() -> None:
    """Its endpoints stay in view for an hour, but stale after the lease."""
    mesh = three()
    cells = Cells(endpoints=[endpoint("cell", "auth")])
    mesh.take(with_cells(mesh.state.stored, "id-b", cells))
    mesh.state.disconnect("id-b")
    mesh.pass_seconds(LEASE_SECONDS - 0.1)
    mesh.read("id-a")
    assert mesh.views["id-a"]["endpoint/cell"].endpoint.is_stale is False
    mesh.state.hear("id-a", mesh.now)
    mesh.pass_seconds(0.1)
    mesh.read("id-a")
    assert mesh.views["id-a"]["endpoint/cell"].endpoint.is_stale is True
    for _ in range(int(FORGET_SECONDS)):
        mesh.state.hear("id-a", mesh.now)
        mesh.pass_seconds(1.0)
    mesh.read("id-a")
    assert "endpoint/cell" not in mesh.views["id-a"]
    assert "id-b" not in mesh.state.stored.registrations


def test_silent_agent_loses_its_session() -> None:
    """A session without a word is none."""
    mesh = three()
    mesh.state.hear("id-a", mesh.now + 5)
    assert set(mesh.pass_seconds(LEASE_SECONDS)) == {"id-b", "id-c"}
    assert not mesh.state.agents["id-b"].is_connected
    assert mesh.state.agents["id-a"].is_connected


def test_own_standstill_is_nobody_elses_silence() -> None:
    """Time in which the control plane itself did not run does not count."""
    mesh = three()
    mesh.now += 60.0
    mesh.state.forgive(59.0, mesh.now)
    assert mesh.settle() == ()
    assert all(presence.heard_at <= mesh.now for presence in mesh.state.agents.values())


def test_agent_that_joins_again_is_stale_until_it_names_its_cells() -> None:
    """The cells known from before may be gone with its process."""
    mesh = three()
    mesh.take(with_cells(mesh.state.stored, "id-b", Cells(endpoints=[endpoint("cell", "auth")])))
    mesh.state.disconnect("id-b")
    mesh.state.hear("id-a", mesh.now + LEASE_SECONDS)
    mesh.pass_seconds(LEASE_SECONDS)
    mesh.join(join("b", "auth"))
    mesh.read("id-a")
    assert mesh.views["id-a"]["endpoint/cell"].endpoint.is_stale


@pytest.mark.parametrize(
    ("epoch", "offset", "is_snapshot"), [("e", 0, False), ("f", 0, True), ("e", -1, True)]
)
def test_resuming(epoch: str, offset: int, is_snapshot: bool) -> None:
    """A known position gets the difference, be it empty; any other one a snapshot."""
    mesh = three()
    revision = mesh.received["id-a"].revision + offset
    mesh.state.disconnect("id-a")
    mesh.take(writes.set_var(mesh.state.stored, ("gateway", "COLOR"), b'"red"'))
    again = join(
        "a",
        manifest("gateway", AUTH="auth"),
        position=Position(epoch=epoch, revision=revision),
    )
    update = mesh.join(again)
    assert update.is_snapshot is is_snapshot
    keys = [resource.key for resource in update.resources]
    assert ("vars/gateway" in keys, "binding/gateway/AUTH" in keys) == (True, is_snapshot)
    assert mesh.views["id-a"]["vars/gateway"].vars.vars_json == b'{"COLOR":"red"}'


def test_resuming_without_news_gives_an_empty_update() -> None:
    """So that the agent knows that it is up to date."""
    mesh = three()
    mesh.state.disconnect("id-a")
    update = mesh.join(join("a", manifest("gateway", AUTH="auth"), position=mesh.received["id-a"]))
    assert (update.is_snapshot, len(update.resources), len(update.removed)) == (False, 0, 0)


def test_ack_of_what_was_never_sent_confirms_nothing() -> None:
    """Nor does one from another history."""
    mesh = three()
    presence = mesh.state.agents["id-a"]
    before = presence.acked_revision
    presence.ack(Position(epoch="e", revision=10**6), "e")
    presence.ack(Position(epoch="f", revision=before), "e")
    assert presence.acked_revision == before


WORKERS = ["auth", "auth@staging", "shop-prod", "shop@dev", "a-b@c", "a@b-c"]


@pytest.mark.parametrize(
    "text", [*WORKERS, "auth-staging", "shop@prod", "shop-dev", "a-b-c", "nobody@x"]
)
def test_targets_are_found_as_an_agent_finds_them(text: str) -> None:
    """The control plane and an agent alone must not disagree."""
    from mesh.config import ServiceConfig, WorkerId, resolve

    wanted = WorkerId.parse(text)
    service = ServiceConfig(binding="X", service=wanted.name, environment=wanted.environment)
    expected = resolve(service, map(WorkerId.parse, WORKERS)) or wanted
    assert KnownWorkers(WORKERS).meant_by(target(text)) == str(expected)


def test_set_binding_of_a_caller_that_comes_later() -> None:
    """It waits for its caller and its service."""
    mesh = Mesh()
    mesh.bind("auth")
    mesh.join(join("b", "auth"))
    mesh.join(join("a", "gateway"))
    assert mesh.granted("id-b") == {"auth"}
    binding = mesh.views["id-a"]["binding/gateway/AUTH"].binding
    assert (binding.worker, binding.source) == ("auth", SET)
