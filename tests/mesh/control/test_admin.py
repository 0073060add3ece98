"""The admin service with real agents: order of effect, who has confirmed, texts, reflection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc import aio
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from mesh.control.server import ControlPlane
from mesh.transport.channels import open_channel
from mesh.v1 import admin_pb2 as pb
from mesh.v1.control_pb2 import DECLARED, REMOVED, SET, FromAgent
from tests.support.control_client import (
    administrator,
    bind,
    endpoint,
    first_answer,
    join,
    joined,
    manifest,
    target,
)

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = manifest("gateway", names=("COLOR",), AUTH="auth")


@asynccontextmanager
async def mesh_of_three(directory: Path):
    """A gateway, auth and auth2, each on an agent of its own."""
    async with ControlPlane(directory) as plane:
        address = plane.addresses[0]
        async with (
            joined(address, join("a", GATEWAY)) as a,
            joined(address, join("b", "auth")) as b,
            joined(address, join("c", "auth2")) as c,
            administrator(address) as admin,
        ):
            yield plane, admin, a, b, c


def test_order_of_effect(tmp_path: Path) -> None:
    """Grant, then switch, then revoke; each waits for the acks of the one before."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (_, admin, a, b, c):
            for agent in (a, b, c):
                agent.auto_ack = False
            call = admin.SetBinding(bind("gateway", "auth", "auth2"))
            await c.wait(lambda c: c.grants() == {("gateway", "auth2")})
            assert a.view["binding/gateway/AUTH"].binding.worker == "auth"
            await c.ack()
            await a.wait_binding("gateway/AUTH", "auth2")
            assert b.grants() == {("gateway", "auth")}
            await a.ack()
            await b.wait(lambda b: not b.grants())
            assert not call.done()
            await b.ack()
            change = await call
            assert not change.not_confirmed
            status = change.binding
            assert (status.binding.name, status.binding.worker) == ("AUTH", "auth2")
            assert (status.binding.source, status.hidden.service) == (SET, "auth")
            assert status.is_available
            assert change.position.revision >= a.position.revision

            call = admin.RemoveBinding(pb.RemoveBindingRequest(caller="gateway", name="AUTH"))
            await c.wait(lambda c: not c.grants())
            assert a.view["binding/gateway/AUTH"].binding.worker == "auth2"
            await c.ack()
            await a.wait_binding("gateway/AUTH", "")
            await a.ack()
            change = await call
            assert (change.binding.binding.source, list(change.not_confirmed)) == (REMOVED, [])

    asyncio.run(main())


@pytest.mark.slow
def test_agents_that_have_not_confirmed_are_named(tmp_path: Path) -> None:
    """Those that lag, and those that are lost; the change holds for the others."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("lost", GATEWAY)):
                pass
            async with (
                joined(address, join("a", GATEWAY)) as a,
                joined(address, join("c", "auth2"), auto_ack=False) as c,
                administrator(address) as admin,
            ):
                await c.ack()
                change = await admin.SetBinding(bind("gateway", "AUTH", "auth2", wait_seconds=2.5))
                assert list(change.not_confirmed) == ["c", "lost"]
                await a.wait_binding("gateway/AUTH", "auth2")
                c.auto_ack = True
                await c.ack()
                change = await admin.SetBinding(bind("gateway", "AUTH", "auth2"))
                assert list(change.not_confirmed) == ["lost"]

    asyncio.run(main())


def test_lost_caller_keeps_its_grant(tmp_path: Path) -> None:
    """A write does not wait for its agent; the old callee does, also over a restart."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("a", GATEWAY)) as a:
                position = a.position
            async with (
                joined(address, join("b", "auth")) as b,
                joined(address, join("c", "auth2")),
                administrator(address) as admin,
            ):
                async with asyncio.timeout(2.0):
                    change = await admin.SetBinding(bind("gateway", "AUTH", "auth2"))
                assert list(change.not_confirmed) == ["a"]
                assert b.grants() == {("gateway", "auth")}
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with (
                joined(address, join("b", "auth")) as b,
                joined(address, join("c", "auth2")) as c,
            ):
                assert b.grants() == {("gateway", "auth")}
                assert c.grants() == {("gateway", "auth2")}
                async with joined(address, join("a", GATEWAY, position=position)) as a:
                    assert a.view["binding/gateway/AUTH"].binding.worker == "auth2"
                    await b.wait(lambda b: not b.grants())

    asyncio.run(main())


def test_agent_that_has_left_is_neither_lost_nor_running(tmp_path: Path) -> None:
    """It stays registered, so that what it may call stays granted; nobody waits for it."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with (
                joined(address, join("b", "auth")) as b,
                administrator(address) as admin,
            ):
                async with joined(address, join("a", GATEWAY)) as a:
                    await a.cells(endpoint("cell-a", "gateway"))
                    await a.leave()
                agents = (await admin.ListAgents(pb.ListAgentsRequest())).agents
                assert [(g.agent, g.is_connected, g.has_left) for g in agents] == [
                    ("a", False, True),
                    ("b", True, False),
                ]
                assert (list(agents[0].workers), len(agents[0].endpoints)) == (["gateway"], 0)
                assert b.grants() == {("gateway", "auth")}
                status = await admin.GetStatus(pb.GetStatusRequest())
                assert (status.agents_connected, status.agents_lost, status.workers) == (1, 0, 1)
                assert not status.warnings
                workers = (await admin.ListWorkers(pb.ListWorkersRequest())).workers
                assert [worker.worker for worker in workers] == ["auth"]
                change = await admin.SetBinding(bind("other", "X", "gateway"))
                assert not change.binding.is_available
                change = await admin.SetBinding(bind("gateway", "AUTH", "auth#Admin"))
                assert not change.not_confirmed
                async with joined(address, join("a", "shop", agent_id="new")):
                    agents = (await admin.ListAgents(pb.ListAgentsRequest())).agents
                    assert [(g.agent, g.has_left) for g in agents] == [("a", False), ("b", False)]
                    assert not b.grants()

    asyncio.run(main())


def test_earlier_write_is_answered_with_its_successor(tmp_path: Path) -> None:
    """Two writes of one binding at once: the later one wins, both are answered."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (_, admin, a, b, c):
            c.auto_ack = False
            first = admin.SetBinding(bind("gateway", "AUTH", "auth2"))
            await c.wait(lambda c: c.grants())
            second = admin.SetBinding(bind("gateway", "AUTH", "auth#Admin"))
            await b.wait(lambda b: any("Admin" in str(r) for r in b.view.values()))
            c.auto_ack = True
            await c.ack()
            for change in (await first, await second):
                assert not change.not_confirmed
                assert change.binding.binding.target.entrypoint == "Admin"
            await a.wait_binding("gateway/AUTH", "auth")
            await c.wait(lambda c: not c.grants())

    asyncio.run(main())


def test_cancelled_write_stands(tmp_path: Path) -> None:
    """It was durable before anybody was told."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (_, admin, a, _b, c):
            c.auto_ack = False
            call = admin.SetBinding(bind("gateway", "AUTH", "auth2"))
            await c.wait(lambda c: c.grants())
            call.cancel()
            await c.ack()
            await a.wait_binding("gateway/AUTH", "auth2")

    asyncio.run(main())


def test_end_of_the_control_plane_in_the_middle_of_a_write(tmp_path: Path) -> None:
    """The next one goes on, in the same order: no call is lost, whoever had been told."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (plane, admin, a, _b, c):
            c.auto_ack = False
            call = admin.SetBinding(bind("gateway", "AUTH", "auth2"))
            await c.wait(lambda c: c.grants())
            await plane.__aexit__(None, None, None)
            assert a.view["binding/gateway/AUTH"].binding.worker == "auth"
            assert list((await call).not_confirmed) == ["a", "b", "c"]
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with (
                joined(address, join("a", GATEWAY)) as a,
                joined(address, join("b", "auth")) as b,
            ):
                assert a.view["binding/gateway/AUTH"].binding.worker == "auth"
                assert b.grants() == {("gateway", "auth")}
                async with joined(address, join("c", "auth2")) as c:
                    assert c.grants() == {("gateway", "auth2")}
                    await a.wait_binding("gateway/AUTH", "auth2")
                    await b.wait(lambda b: not b.grants())

    asyncio.run(main())


def test_listings(tmp_path: Path) -> None:
    """Agents, workers, bindings by caller and by target, vars, and what to look at."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (plane, admin, a, b, _):
            await b.cells(endpoint("cell-b", "auth"))
            await a.wait(lambda a: a.endpoints())
            await admin.SetBinding(bind("gateway", "SHOP", "shop@x#Front"))
            await admin.SetBinding(bind("later", "AUTH", "auth"))
            await admin.SetVar(
                pb.SetVarRequest(worker="gateway", name="COLOR", value_json=b'"red"')
            )
            await a.wait(lambda a: "vars/gateway" in a.view)

            agents = (await admin.ListAgents(pb.ListAgentsRequest())).agents
            assert [(agent.agent, agent.is_connected) for agent in agents] == [
                ("a", True),
                ("b", True),
                ("c", True),
            ]
            assert [e.id for e in agents[1].endpoints] == ["cell-b"]
            assert (agents[0].software, list(agents[0].workers)) == ("1.0", ["gateway"])
            workers = (await admin.ListWorkers(pb.ListWorkersRequest())).workers
            assert [(w.worker, list(w.agents)) for w in workers] == [
                ("auth", ["b"]),
                ("auth2", ["c"]),
                ("gateway", ["a"]),
            ]
            found = (await admin.ListBindings(pb.ListBindingsRequest())).bindings
            assert [
                (s.binding.caller, s.binding.name, s.binding.source, s.is_available) for s in found
            ] == [
                ("gateway", "AUTH", DECLARED, True),
                ("gateway", "SHOP", SET, False),
                ("later", "AUTH", SET, True),
            ]
            for request, count in (
                (pb.ListBindingsRequest(caller="gateway"), 2),
                (pb.ListBindingsRequest(to="auth"), 2),
                (pb.ListBindingsRequest(caller="later", to="auth"), 1),
                (pb.ListBindingsRequest(to="shop-x"), 0),
                (pb.ListBindingsRequest(to="shop@x"), 1),
                (pb.ListBindingsRequest(to="no worker"), 0),
            ):
                assert len((await admin.ListBindings(request)).bindings) == count
            values = (await admin.ListVars(pb.ListVarsRequest(worker="gateway"))).vars
            assert [(v.name, v.value_json) for v in values] == [("COLOR", b'"red"')]
            status = await admin.GetStatus(pb.GetStatusRequest())
            assert (status.mesh, status.agents_connected, status.workers) == (plane.mesh, 3, 3)
            assert (status.bindings, status.agents_lost) == (3, 0)
            assert list(status.warnings) == [
                "binding SHOP of gateway leads to shop@x, which no agent runs",
                "binding AUTH is set for later, which no agent runs",
            ]

    asyncio.run(main())


def test_binding_that_a_newer_manifest_contradicts_is_a_warning(tmp_path: Path) -> None:
    """No agent is refused for what somebody set."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane, administrator(plane.addresses[0]) as admin:
            await admin.SetBinding(bind("gateway", "COLOR", "auth"))
            async with joined(plane.addresses[0], join("a", GATEWAY)):
                warnings = (await admin.GetStatus(pb.GetStatusRequest())).warnings
                assert "binding COLOR of gateway hides a var or secret of the same name" in warnings

    asyncio.run(main())


def test_apply(tmp_path: Path) -> None:
    """A dry run says what the real one does; it is done when it is answered."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (_, admin, a, _b, _c):
            settings = pb.WorkerSettings(
                worker="gateway",
                bindings=[{"name": "AUTH", "target": target("auth2")}],
                vars_json=b'{"COLOR":"red"}',
            )
            dry = await admin.Apply(pb.ApplyRequest(workers=[settings], dry_run=True))
            assert len(a.updates) == 1
            wet = await admin.Apply(pb.ApplyRequest(workers=[settings]))
            assert [(c.name, c.before, c.after) for c in wet.changes] == [
                ("AUTH", "auth (declared)", "auth2"),
                ("COLOR", "", '"red"'),
            ]
            assert (list(dry.changes), list(wet.not_confirmed)) == (list(wet.changes), [])
            assert a.view["binding/gateway/AUTH"].binding.worker == "auth2"
            assert a.view["vars/gateway"].vars.vars_json == b'{"COLOR":"red"}'
            again = await admin.Apply(pb.ApplyRequest(workers=[settings]))
            assert not again.changes

    asyncio.run(main())


def test_errors_are_statuses_with_a_text(tmp_path: Path) -> None:
    """What scripts can tell apart, and people can act on."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (_, admin, *_agents):
            options = pb.WriteOptions(if_version=77)
            for call, code, text in (
                (
                    admin.RemoveBinding(pb.RemoveBindingRequest(caller="gateway", name="NO")),
                    grpc.StatusCode.NOT_FOUND,
                    "it has AUTH",
                ),
                (
                    admin.ResetBinding(pb.ResetBindingRequest(caller="gateway", name="AUTH")),
                    grpc.StatusCode.NOT_FOUND,
                    "nothing to reset",
                ),
                (
                    admin.SetBinding(bind("gateway", "COLOR", "auth")),
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "var or secret",
                ),
                (
                    admin.SetBinding(bind("gateway", "not-this", "auth")),
                    grpc.StatusCode.INVALID_ARGUMENT,
                    "not a Python identifier",
                ),
                (
                    admin.SetBinding(bind("gateway", "AUTH", "auth", wait_seconds=-1)),
                    grpc.StatusCode.INVALID_ARGUMENT,
                    "wait_seconds",
                ),
                (
                    admin.DeleteVar(
                        pb.DeleteVarRequest(worker="gateway", name="NO", options=options)
                    ),
                    grpc.StatusCode.NOT_FOUND,
                    "none is set",
                ),
                (
                    admin.RemoveBinding(
                        pb.RemoveBindingRequest(caller="gateway", name="AUTH", options=options)
                    ),
                    grpc.StatusCode.ABORTED,
                    "has version 0, not 77",
                ),
                (
                    admin.Apply(pb.ApplyRequest(options=options)),
                    grpc.StatusCode.INVALID_ARGUMENT,
                    "if_version",
                ),
            ):
                with pytest.raises(aio.AioRpcError) as caught:
                    await call
                assert caught.value.code() is code
                assert text in str(caught.value.details())

    asyncio.run(main())


def test_full_disk_refuses_writes_and_goes_on(tmp_path: Path) -> None:
    """Nothing is changed in memory; what agents say still takes effect."""

    async def main() -> None:
        async with mesh_of_three(tmp_path) as (plane, admin, a, b, _):
            connection = plane._plane._store._connection
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
            value = b'"' + b"x" * 60_000 + b'"'
            with pytest.raises(aio.AioRpcError) as caught:
                await admin.SetVar(pb.SetVarRequest(worker="gateway", name="N", value_json=value))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "nothing was changed" in str(caught.value.details())
            assert not (await admin.ListVars(pb.ListVarsRequest())).vars
            many = [endpoint(f"cell-{i}" + "x" * 500, "auth") for i in range(100)]
            await b.cells(*many)
            await a.wait(lambda a: len(a.endpoints()) == 100)
            connection.execute("PRAGMA max_page_count = 100000").fetchall()
            await admin.SetVar(pb.SetVarRequest(worker="gateway", name="N", value_json=value))

    asyncio.run(main())


def test_what_no_agent_could_be_told_is_refused(tmp_path: Path) -> None:
    """A write, and a new agent; what is there already goes on, and can be made smaller."""
    props = b'{"a":"' + b"x" * 65_000 + b'"}'

    def caller(i: int):
        bindings = [{"name": f"B{n}", "target": target("auth", props)} for n in range(4)]
        return pb.WorkerSettings(worker=f"caller{i}", bindings=bindings)

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("b", "auth")), administrator(address) as admin:
                names = [f"caller{i}" for i in range(13)]
                async with joined(address, join("a", *names[:6])):
                    async with joined(address, join("a2", *names[6:])) as a2:
                        for i in range(12):
                            await admin.Apply(pb.ApplyRequest(workers=[caller(i)]))
                        with pytest.raises(aio.AioRpcError) as caught:
                            await admin.Apply(pb.ApplyRequest(workers=[caller(12)]))
                        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
                        text = str(caught.value.details())
                        assert "agent b would have to know" in text
                        assert "the bindings of worker caller" in text
                        found = await admin.ListBindings(pb.ListBindingsRequest())
                        assert found.ByteSize() > 3_000_000
                        await admin.Apply(
                            pb.ApplyRequest(workers=[pb.WorkerSettings(worker="caller0")])
                        )
                        assert len(a2.view) == 24
                    many = manifest("many")
                    for n in range(50):
                        many.bindings.add(name=f"B{n}", target=target("x", props))
                    answer = await first_answer(address, FromAgent(join=join("c", many)))
                    (reason,) = answer.refusal.reasons
                    assert reason.where == "agent c"
                    assert "the bindings of worker many" in reason.reason

    asyncio.run(main())


def test_failure_of_the_control_plane_itself_leaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The text of an exception is for the log."""

    def fail(*_: object) -> None:
        raise ValueError("secret-token-123")

    monkeypatch.setattr("mesh.control.listings.list_workers", fail)

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane, administrator(plane.addresses[0]) as admin:
            with pytest.raises(aio.AioRpcError) as caught:
                await admin.ListWorkers(pb.ListWorkersRequest())
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            assert "secret" not in str(caught.value)

    asyncio.run(main())
    assert caplog.text.count("ValueError: secret-token-123") == 1


def test_reflection_lists_the_services(tmp_path: Path) -> None:
    """A generic client finds Admin, Control, and what their messages are."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane, open_channel(plane.addresses[0]) as channel:
            call = ServerReflectionStub(channel).ServerReflectionInfo()
            await call.write(ServerReflectionRequest(list_services=""))
            answer = await call.read()
            names = {service.name for service in answer.list_services_response.service}
            assert {"mesh.v1.Admin", "mesh.v1.Control"} <= names
            await call.write(ServerReflectionRequest(file_containing_symbol="mesh.v1.Admin"))
            answer = await call.read()
            assert answer.file_descriptor_response.file_descriptor_proto
            await call.done_writing()

    asyncio.run(main())
