"""Sessions of agents with a real control plane over its Unix socket."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc import aio

from mesh.control import presence
from mesh.control.server import ControlPlane
from mesh.transport.channels import open_channel
from mesh.v1.admin_pb2 import ListAgentsRequest, SetVarRequest
from mesh.v1.control_pb2 import FromAgent, Heartbeat, Position
from mesh.v1.control_pb2_grpc import ControlStub
from tests.support.control_client import (
    administrator,
    bind,
    endpoint,
    first_answer,
    join,
    joined,
    manifest,
)

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = manifest("gateway", AUTH="auth")


def test_join_snapshot_delta(tmp_path: Path) -> None:
    """A snapshot of what the agent needs, then what changes in it."""

    async def main() -> None:
        async with (
            ControlPlane(tmp_path) as plane,
            joined(plane.addresses[0], join("a", GATEWAY)) as a,
        ):
            assert a.mesh == plane.mesh
            assert a.updates[0].is_snapshot
            assert set(a.view) == {"binding/gateway/AUTH"}
            async with joined(plane.addresses[0], join("b", "auth")) as b:
                assert b.grants() == {("gateway", "auth")}
                await b.cells(endpoint("cell-b", "auth"))
                await a.wait(lambda a: a.endpoints() == {"cell-b": False})
                await b.cells(endpoint("cell-b2", "auth"))
                await a.wait(lambda a: a.endpoints() == {"cell-b2": False})
                assert not any(update.is_snapshot for update in a.updates[1:])
                revisions = [update.position.revision for update in a.updates]
                assert revisions == sorted(set(revisions))
                await b.leave()
                assert b.error is None
            await a.wait(lambda a: a.endpoints() == {})

    asyncio.run(main())


def test_resuming_after_a_lost_connection(tmp_path: Path) -> None:
    """The difference since what the agent had confirmed; without news, an empty one."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("a", GATEWAY)) as a:
                position = a.position
            async with joined(address, join("a", GATEWAY, position=position)) as a:
                assert not a.updates[0].is_snapshot
                assert not a.updates[0].resources
            async with administrator(address) as admin:
                await admin.SetVar(SetVarRequest(worker="gateway", name="N", value_json=b"1"))
            async with joined(address, join("a", GATEWAY, position=position)) as a:
                assert not a.updates[0].is_snapshot
                assert set(a.view) == {"vars/gateway"}
            other = Position(epoch="another", revision=position.revision)
            async with joined(address, join("a", GATEWAY, position=other)) as a:
                assert a.updates[0].is_snapshot

    asyncio.run(main())


def test_newer_session_ends_the_older_one(tmp_path: Path) -> None:
    """The older one is told why; the newer one lives on when the older one's end is noticed."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with (
                joined(address, join("a", GATEWAY)) as old,
                joined(address, join("a", GATEWAY)) as new,
                administrator(address) as admin,
            ):
                await old.has_ended.wait()
                assert old.error is not None
                assert old.error.code() is grpc.StatusCode.ABORTED
                assert "newer session" in str(old.error.details())
                await new.heartbeat()
                await new.wait(lambda new: new.heartbeats == 1)
                change = await admin.SetBinding(bind("gateway", "AUTH", "auth2"))
                assert not change.not_confirmed
                await new.wait_binding("gateway/AUTH", "auth2")

    asyncio.run(main())


def test_refusal_over_the_wire(tmp_path: Path) -> None:
    """All reasons; the stream ends without an error."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            first = join("a", "Bad", mesh="mesh-other")
            answer = await first_answer(plane.addresses[0], FromAgent(join=first))
            assert not isinstance(answer, aio.AioRpcError)
            assert [reason.where for reason in answer.refusal.reasons] == ["mesh", "worker Bad"]
            assert f"runs mesh {plane.mesh}" in answer.refusal.reasons[0].reason
            async with joined(plane.addresses[0], join("a", "auth")):
                second = join("a", "auth", agent_id="other")
                answer = await first_answer(plane.addresses[0], FromAgent(join=second))
                assert not isinstance(answer, aio.AioRpcError)
                assert answer.refusal.is_transient

    asyncio.run(main())


def test_cells_are_known_when_their_callers_have_confirmed(tmp_path: Path) -> None:
    """Once for each report, with its number; one that nobody has to hear of, at once."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with (
                joined(address, join("a", GATEWAY)) as a,
                joined(address, join("x", "other"), auto_ack=False),
                joined(address, join("b", "auth")) as b,
            ):
                a.auto_ack = False
                await b.cells(endpoint("cell-b", "auth"), number=7)
                await a.wait(lambda a: a.endpoints())
                await b.heartbeat()
                await b.wait(lambda b: b.heartbeats == 1)
                assert b.known_cells == []
                await a.ack()
                await b.wait(lambda b: b.known_cells == [7])
                await b.cells(endpoint("cell-b", "auth"), number=8)
                await b.wait(lambda b: b.known_cells == [7, 8])

    asyncio.run(main())


@pytest.mark.slow
def test_cells_count_as_known_after_a_second(tmp_path: Path) -> None:
    """An agent that does not confirm holds up nobody; nor does one that goes."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("b", "auth")) as b:
                async with joined(address, join("a", GATEWAY), auto_ack=False) as a:
                    await b.cells(endpoint("cell-b", "auth"), number=1)
                    await a.wait(lambda a: a.endpoints())
                    began = time.monotonic()
                    await b.wait(lambda b: b.known_cells)
                    assert 0.8 < time.monotonic() - began < 1.5
                    await b.cells(endpoint("cell-b2", "auth"), number=2)
                    await a.wait(lambda a: "cell-b2" in a.endpoints())
                began = time.monotonic()
                await b.wait(lambda b: b.known_cells == [1, 2])
                assert time.monotonic() - began < 0.5

    asyncio.run(main())


def test_nonsense_from_an_agent(tmp_path: Path) -> None:
    """It ends the session with a text, and disturbs nobody."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("b", "auth")) as b:
                answer = await first_answer(address, FromAgent(heartbeat=Heartbeat()))
                assert isinstance(answer, aio.AioRpcError)
                assert answer.code() is grpc.StatusCode.INVALID_ARGUMENT
                for message in (
                    {"join": join("a", GATEWAY)},
                    {"cells": {"endpoints": [endpoint("x", "auth")]}},
                ):
                    async with joined(address, join("a", GATEWAY)) as a:
                        await a.send(**message)
                        await a.has_ended.wait()
                        assert a.error is not None
                        assert a.error.code() is grpc.StatusCode.INVALID_ARGUMENT
                await b.heartbeat()
                await b.wait(lambda b: b.heartbeats == 1)

    asyncio.run(main())


def test_restart_keeps_bindings_and_endpoints(tmp_path: Path) -> None:
    """No agent is there yet, but nothing is taken for gone; the agents resume with a snapshot."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address, mesh = plane.addresses[0], plane.mesh
            async with (
                joined(address, join("a", GATEWAY)) as a,
                joined(address, join("b", "auth2")) as b,
                administrator(address) as admin,
            ):
                await b.cells(endpoint("cell-b", "auth2"))
                await admin.SetBinding(bind("gateway", "AUTH", "auth2"))
                await a.wait(lambda a: a.endpoints() == {"cell-b": False})
                position, view = a.position, dict(a.view)
        async with ControlPlane(tmp_path) as plane:
            assert plane.mesh == mesh
            first = join("a", GATEWAY, mesh=mesh, position=position)
            async with joined(plane.addresses[0], first) as a:
                assert a.updates[0].is_snapshot
                assert a.position.epoch == position.epoch
                assert a.position.revision >= position.revision
                assert a.view == view

    asyncio.run(main())


def test_end_of_the_control_plane_ends_sessions_at_once(tmp_path: Path) -> None:
    """They get a status that says so, although a write is waiting for an agent."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with (
                joined(address, join("a", GATEWAY), auto_ack=False) as a,
                administrator(address) as admin,
            ):
                call = admin.SetBinding(bind("gateway", "AUTH", "auth2", wait_seconds=50))
                await a.wait(lambda a: len(a.updates) > 1)
                await plane.__aexit__(None, None, None)
                await a.has_ended.wait()
                assert a.error is not None
                assert a.error.code() is grpc.StatusCode.UNAVAILABLE
                assert a.error.details() == "the control plane stops"
                assert (await call).not_confirmed == ["a"]
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".sock"] == []

    asyncio.run(main())


@pytest.mark.slow
def test_agent_that_does_not_read_gets_one_late_update(tmp_path: Path) -> None:
    """What piles up is the newest view only, and others do not wait."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with open_channel(address) as channel, administrator(address) as admin:
                call = ControlStub(channel).Session()
                await call.write(FromAgent(join=join("a", GATEWAY)))
                await call.read()
                big = b'"' + b"x" * 60_000 + b'"'
                for i in range(300):
                    value = big if i % 2 else b"1"
                    await admin.SetVar(
                        SetVarRequest(
                            worker="gateway",
                            name="N",
                            value_json=value,
                            options={"wait_seconds": 0.001},
                        )
                    )
                count, revision = 0, 0
                while revision < 301:
                    revision = (await call.read()).update.position.revision
                    count += 1
                assert count < 290
                call.cancel()

    asyncio.run(main())


@pytest.mark.slow
def test_silence_and_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent agent loses its session; its endpoints become stale, and fresh when it is back."""
    monkeypatch.setattr("mesh.control.state.LEASE_SECONDS", 1.0)

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("a", GATEWAY)) as a, asyncio.TaskGroup() as tasks:

                async def live() -> None:
                    while True:
                        await a.heartbeat()
                        await asyncio.sleep(0.1)

                living = tasks.create_task(live())
                async with joined(address, join("b", "auth")) as b:
                    await b.cells(endpoint("cell-b", "auth"))
                    await a.wait(lambda a: a.endpoints() == {"cell-b": False})
                    await b.has_ended.wait()
                    assert b.error is not None
                    assert b.error.code() is grpc.StatusCode.UNAVAILABLE
                await a.wait(lambda a: a.endpoints() == {"cell-b": True})
                async with administrator(address) as admin:
                    agents = (await admin.ListAgents(ListAgentsRequest())).agents
                assert [agent.is_connected for agent in agents] == [True, False]
                assert agents[1].endpoints[0].is_stale
                assert agents[1].silent_seconds > 0.4
                async with joined(address, join("b", "auth")) as b:
                    await b.cells(endpoint("cell-b", "auth"))
                    await a.wait(lambda a: a.endpoints() == {"cell-b": False})
                living.cancel()

    asyncio.run(main())


def test_vanishing_agents_are_nothing_to_act_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever was being said to them: no error is logged, and nobody else notices."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            address = plane.addresses[0]
            async with joined(address, join("b", "auth")) as b, administrator(address) as admin:
                for i in range(20):
                    async with joined(address, join("a", GATEWAY)) as a:
                        await a.heartbeat()
                        value = str(i).encode()
                        call = admin.SetVar(
                            SetVarRequest(worker="gateway", name="N", value_json=value)
                        )
                        if i % 2:
                            await a.send(join=join("a", GATEWAY))
                    await call
                await b.heartbeat()
                await b.wait(lambda b: b.heartbeats == 1)

    asyncio.run(main())
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_lease_is_three_heartbeats() -> None:
    """Two may be lost on the way."""
    assert presence.LEASE_SECONDS > 3 * presence.HEARTBEAT_SECONDS
