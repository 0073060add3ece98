"""What an agent knows of the mesh, and what it tells its cells."""

from __future__ import annotations

from agent.knowledge import Knowledge, cell_view, on_its_own
from mesh.v1 import cell_pb2
from mesh.v1.control_pb2 import (
    DECLARED,
    REMOVED,
    SET,
    Binding,
    DeclaredBinding,
    Endpoint,
    Grant,
    Position,
    Resource,
    SavedSnapshot,
    Target,
    Update,
    WorkerManifest,
    WorkerVars,
)


def binding(caller: str, name: str, worker: str, source: int = DECLARED) -> Resource:
    value = Binding(caller=caller, name=name, worker=worker, id="" if source == REMOVED else "id")
    value.source = source
    return Resource(key=f"binding/{caller}/{name}", binding=value)


def endpoint(agent: str, *workers: str) -> Resource:
    return Resource(
        key=f"endpoint/{agent}", endpoint=Endpoint(id=agent, agent=agent, workers=workers)
    )


def update(revision: int, *resources: Resource, snapshot: bool = False, **more) -> Update:
    position = Position(epoch="e", revision=revision)
    return Update(position=position, resources=resources, is_snapshot=snapshot, **more)


def start(*workers: str) -> cell_pb2.Start:
    return cell_pb2.Start(workers=[cell_pb2.Worker(id=worker) for worker in workers])


def test_updates_in_order_are_the_snapshot() -> None:
    """Changes add, replace and remove; a snapshot forgets what is not in it."""
    knowledge = Knowledge()
    knowledge.apply(update(1, binding("a", "X", "b"), endpoint("two", "b"), snapshot=True))
    knowledge.apply(update(2, binding("a", "X", "c"), removed=["endpoint/two", "never/there"]))
    assert list(knowledge.resources) == ["binding/a/X"]
    assert knowledge.resources["binding/a/X"].binding.worker == "c"
    assert knowledge.position.revision == 2
    saved = SavedSnapshot.FromString(knowledge.to_saved().SerializeToString())
    assert Knowledge(saved).resources == knowledge.resources
    knowledge.apply(update(3, snapshot=True))
    assert knowledge.resources == {}


def test_cell_learns_what_concerns_its_workers() -> None:
    """Its own bindings, the rights to call it, and where else its targets run."""
    knowledge = Knowledge()
    grant = Resource(key="grant/1", grant=Grant(id="1", caller="x", worker="a"))
    other = Resource(key="grant/2", grant=Grant(id="2", caller="x", worker="b"))
    values = Resource(key="vars/a", vars=WorkerVars(worker="a", vars_json=b"{}"))
    knowledge.apply(
        update(
            5,
            binding("a", "B", "b"),
            binding("a", "C", "c"),
            binding("b", "A", "a"),
            grant,
            other,
            values,
            endpoint("two", "c"),
            endpoint("three", "x"),
        )
    )
    neighbour = Endpoint(id="here", workers=["b"])
    view = cell_view(knowledge, start("a"), [neighbour])
    assert view.revision == 5
    assert [(b.caller, b.name) for b in view.bindings] == [("a", "B"), ("a", "C")]
    assert [g.id for g in view.grants] == ["1"]
    assert [e.id for e in view.endpoints] == ["here", "two"]
    assert [v.worker for v in view.vars] == ["a"]


def test_targets_in_the_cell_itself_need_no_endpoint() -> None:
    """Co-located workers call each other in the process."""
    knowledge = Knowledge()
    knowledge.apply(update(1, binding("a", "B", "b"), endpoint("two", "b")))
    assert not cell_view(knowledge, start("a", "b"), []).endpoints


def test_on_its_own_follows_the_present_files() -> None:
    """Declared bindings are today's; what people set or removed stays; own workers are granted."""
    knowledge = Knowledge()
    knowledge.apply(
        update(
            9,
            binding("a", "OLD", "gone"),
            binding("a", "SET", "b", SET),
            binding("a", "OFF", "b", REMOVED),
            endpoint("two", "far@staging"),
        )
    )
    declared = {
        "SET": Target(service="c"),
        "OFF": Target(service="c"),
        "NEAR": Target(service="c"),
        "FAR": Target(service="far-staging"),
        "NOWHERE": Target(service="later", environment="e"),
    }
    manifest = WorkerManifest(
        worker="a",
        bindings=[DeclaredBinding(name=name, target=target) for name, target in declared.items()],
    )
    knowledge.patch(on_its_own(knowledge, [manifest, WorkerManifest(worker="c")]))
    bindings = {
        resource.binding.name: resource.binding
        for resource in knowledge.resources.values()
        if resource.HasField("binding")
    }
    assert {name: found.worker for name, found in bindings.items()} == {
        "SET": "b",
        "OFF": "b",
        "NEAR": "c",
        "FAR": "far@staging",
        "NOWHERE": "later@e",
    }
    grants = [r.grant for r in knowledge.resources.values() if r.HasField("grant")]
    assert [(grant.id, grant.worker) for grant in grants] == [(bindings["NEAR"].id, "c")]
    assert knowledge.is_patched
    knowledge.apply(update(10, snapshot=True))
    assert not knowledge.is_patched
