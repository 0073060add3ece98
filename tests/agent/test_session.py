"""The agent's session, against control planes that behave oddly."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from agent.session import NoSessionError, Session
from mesh.transport.channels import listen, new_server
from mesh.v1.control_pb2 import (
    Endpoint,
    FromControl,
    Join,
    Position,
    Refusal,
    RefusalReason,
    Update,
    Welcome,
)
from mesh.v1.control_pb2_grpc import ControlServicer, add_ControlServicer_to_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

WELCOME = FromControl(welcome=Welcome(mesh="m", heartbeat_seconds=0.05, lease_seconds=5))
UPDATE = FromControl(update=Update(position=Position(epoch="e", revision=3), is_snapshot=True))


class Member:
    """An agent that notes what it hears."""

    def __init__(self) -> None:
        self.meshes: list[str] = []
        self.updates: list[Update] = []

    def join(self) -> Join:
        return Join(agent="a", position=self.updates[-1].position if self.updates else None)

    def welcomed(self, mesh: str) -> None:
        self.meshes.append(mesh)

    def take(self, update: Update) -> None:
        self.updates.append(update)


class Control(ControlServicer):
    """Says `lines` in each session, then holds it if `holds`; notes what it hears."""

    def __init__(self, lines: list[FromControl], *, holds: bool) -> None:
        self.lines = lines
        self.holds = holds
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    async def Session(self, request_iterator: Any, context: Any) -> None:
        await self.heard.put(await context.read())
        for line in self.lines:
            await context.write(line)
        if self.holds:
            async for message in request_iterator:
                await self.heard.put(message)

    async def hear(self, kind: str) -> Any:
        """The next message of a kind."""
        async with asyncio.timeout(5):
            while True:
                message = await self.heard.get()
                if message.WhichOneof("message") == kind:
                    return getattr(message, kind)


@asynccontextmanager
async def session_with(control: Control, path: Path) -> AsyncIterator[tuple[Session, Member]]:
    server = new_server()
    add_ControlServicer_to_server(control, server)
    listen(server, f"unix:{path}/c")
    await server.start()
    member = Member()
    session = Session(f"unix:{path}/c", member)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(session.run())
        try:
            yield session, member
        finally:
            running.cancel()
            await server.stop(0)


def run(control: Control, path: Path, test: Callable[[Session, Member], Awaitable[None]]) -> None:
    async def main() -> None:
        async with session_with(control, path) as (session, member):
            await test(session, member)

    asyncio.run(main())


def test_session_that_ends_before_the_first_update_is_none(tmp_path: Path) -> None:
    """Somebody answers, but the agent knows nothing of the mesh yet."""

    async def check(session: Session, member: Member) -> None:
        with pytest.raises(NoSessionError, match="ended the session") as caught:
            await session.first
        assert caught.value.was_answered

    run(Control([WELCOME], holds=False), tmp_path, check)


def test_nobody_there_is_no_session(tmp_path: Path) -> None:
    """The reason is short."""

    async def main() -> None:
        session = Session(f"unix:{tmp_path}/nobody", Member())
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(session.run())
            with pytest.raises(NoSessionError, match=r"^No such file or directory") as caught:
                await session.first
            assert not caught.value.was_answered
            running.cancel()

    asyncio.run(main())


def test_refusal_at_first_ends_the_session(tmp_path: Path) -> None:
    """The problems are for the person who starts the agent."""
    reasons = [RefusalReason(where="w", reason="r", fix="f")]
    control = Control([FromControl(refusal=Refusal(reasons=reasons))], holds=False)

    async def check(session: Session, member: Member) -> None:
        (problem,) = await session.first
        assert (problem.where, problem.reason, problem.fix) == ("w", "r", "f")

    run(control, tmp_path, check)


def test_lost_session_comes_back_and_resumes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the position that the agent has, and the cells that it reported; logged once."""
    control = Control([WELCOME, UPDATE], holds=False)
    caplog.set_level(logging.INFO, "agent.session")

    async def check(session: Session, member: Member) -> None:
        assert list(await session.first) == []
        session.report([Endpoint(id="cell")])
        assert not (await control.hear("join")).position.epoch
        assert (await control.hear("join")).position.revision == 3
        control.holds = True
        cells = await control.hear("cells")
        assert [endpoint.id for endpoint in cells.endpoints] == ["cell"]
        session.confirm(UPDATE.update.position)
        assert (await control.hear("ack")).position.revision == 3
        await control.hear("heartbeat")
        await session.leave(5)
        await control.hear("leave")

    run(control, tmp_path, check)
    events = [record.getMessage() for record in caplog.records]
    assert events.count("session.lost") == events.count("session.back")
