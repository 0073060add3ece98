"""Who cannot take part, and why."""

from __future__ import annotations

import pytest

from mesh.control.admission import refusal_of, register, with_cells, with_leave
from mesh.control.presence import LEASE_SECONDS
from mesh.control.rejected import Rejected
from mesh.control.state import MeshState
from mesh.control.stored import Stored
from mesh.v1.control_pb2 import Cells, DeclaredBinding, Endpoint
from tests.support.control_client import endpoint, join, manifest, target


def worker(**fields):
    made = manifest("auth", names=("COLOR",))
    for name, value in fields.items():
        if name == "bindings":
            made.bindings.extend(value)
        else:
            setattr(made, name, value)
    return made


def binding(name: str, to: str = "x", props: bytes = b"") -> DeclaredBinding:
    return DeclaredBinding(name=name, target=target(to, props))


EMPTY = MeshState(Stored(mesh="mesh-1", epoch="e"), 0.0)

IMPOSSIBLE = {
    "protocol": (join("a", protocol=2), "protocol", "speaks version 2"),
    "mesh": (
        join("a", mesh="mesh-2"),
        "mesh",
        "this control plane runs mesh mesh-1, the agent belongs to mesh-2",
    ),
    "no name": (join(""), "agent", "is not a name"),
    "odd name": (join("a b"), "agent", "is not a name"),
    "worker name": (join("a", worker(worker="Auth")), "worker Auth", "not a worker name"),
    "environment": (join("a", worker(worker="auth@")), "worker auth@", "not an environment name"),
    "digest": (join("a", worker(digest="abc")), "worker auth", "not a SHA-256"),
    "worker twice": (join("a", worker(), worker()), "worker auth", "names it twice"),
    "binding name": (
        join("a", worker(bindings=[binding("my-auth")])),
        "worker auth: binding my-auth",
        "not a Python identifier",
    ),
    "binding twice": (
        join("a", worker(bindings=[binding("A"), binding("A")])),
        "worker auth: binding A",
        "two of that name",
    ),
    "binding and var": (
        join("a", worker(bindings=[binding("COLOR")])),
        "worker auth: binding COLOR",
        "var or secret",
    ),
    "target": (
        join("a", worker(bindings=[binding("A", "No Name")])),
        "worker auth: binding A",
        "not a worker name",
    ),
    "props": (
        join("a", worker(bindings=[binding("A", props=b"[]")])),
        "worker auth: binding A",
        "no JSON object",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_join(name: str) -> None:
    """The reason has a place and a fix, and repeating the attempt is no use."""
    first, where, reason = IMPOSSIBLE[name]
    refusal = refusal_of(first, EMPTY, 0.0)
    assert refusal is not None
    (found,) = refusal.reasons
    assert (found.where, reason in found.reason, bool(found.fix)) == (where, True, True)
    assert not refusal.is_transient


def test_all_reasons_at_once() -> None:
    """Nobody mends them one by one."""
    first = join(
        "a b", worker(digest="x", bindings=[binding("my-a"), binding("A", "No")]), mesh="m"
    )
    refusal = refusal_of(first, EMPTY, 0.0)
    assert refusal is not None
    assert len(refusal.reasons) == 5


def test_name_of_another_agent() -> None:
    """Held while that agent has a session, and for the lease after it; then it changes hands."""
    state = MeshState(Stored(mesh="mesh-1", epoch="e"), 0.0)
    state.adopt(register(join("a", "auth"), state.stored), 0.0)
    state.connect("id-a", None, 0.0)
    other = join("a", "shop", agent_id="other")
    refusal = refusal_of(other, state, 1000.0)
    assert refusal is not None
    assert refusal.is_transient
    assert refusal.reasons[0].where == "agent a"
    state.disconnect("id-a")
    assert refusal_of(other, state, LEASE_SECONDS - 0.1) is not None
    assert refusal_of(other, state, LEASE_SECONDS) is None
    assert list(register(other, state.stored).registrations) == ["other"]


def test_name_of_an_agent_that_has_left_is_free() -> None:
    """At once; and its registration makes way."""
    state = MeshState(Stored(mesh="mesh-1", epoch="e"), 0.0)
    state.adopt(register(join("a", "auth"), state.stored), 0.0)
    state.adopt(with_leave(state.stored, "id-a"), 0.0)
    other = join("a", "shop", agent_id="other")
    assert refusal_of(other, state, 0.0) is None
    assert list(register(other, state.stored).registrations) == ["other"]
    back = register(join("a", "auth"), state.stored).registrations["id-a"]
    assert not back.has_left


def test_copied_identity() -> None:
    """An agent id that is connected under another name: refused for good, naming that agent."""
    state = MeshState(Stored(mesh="mesh-1", epoch="e"), 0.0)
    state.adopt(register(join("a", "auth"), state.stored), 0.0)
    state.connect("id-a", None, 0.0)
    copy = join("b", "auth", agent_id="id-a")
    refusal = refusal_of(copy, state, 0.0)
    assert refusal is not None
    assert not refusal.is_transient
    assert "agent a is connected with the same agent id" in refusal.reasons[0].reason
    assert "delete agent.id" in refusal.reasons[0].fix
    assert refusal_of(join("a", "auth"), state, 0.0) is None
    state.disconnect("id-a")
    assert refusal_of(copy, state, 0.0) is None


def test_endpoints_outlive_a_new_session() -> None:
    """Those of workers that the agent still has; the same registration is no change."""
    stored = register(join("a", "auth", "shop"), EMPTY.stored)
    cells = Cells(endpoints=[endpoint("1", "auth"), endpoint("2", "shop")])
    stored = with_cells(stored, "id-a", cells)
    assert register(join("a", "auth", "shop"), stored) is stored
    again = register(join("a", "auth"), stored).registrations["id-a"]
    assert [e.id for e in again.endpoints] == ["1"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (endpoint("", "auth"), "no id"),
        (Endpoint(id="x"), "no address"),
        (endpoint("x", "auth", "shop"), "has not registered worker shop"),
        (Endpoint(id="x", address="unix:/x", agent="b"), "said to be of agent b"),
        (endpoint("taken"), "agent b has one of the same id"),
    ],
)
def test_cells_that_cannot_be(cell: Endpoint, expected: str) -> None:
    """An agent speaks for its own cells and workers only."""
    stored = register(join("b", "auth"), register(join("a", "auth"), EMPTY.stored))
    stored = with_cells(stored, "id-b", Cells(endpoints=[endpoint("taken")]))
    with pytest.raises(Rejected, match=expected):
        with_cells(stored, "id-a", Cells(endpoints=[cell]))
