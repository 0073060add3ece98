"""The agent's session with the control plane: joins, listens, confirms, and comes back.

    dialling → joining → current ──┬→ (lost) → waiting 0.2 to 5 s → dialling …
        └───────┴→ refused         └→ left

Losing the session changes nothing for the cells. Whatever is to be said is kept as state, not as a
queue, so a session that was away says what holds now.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Protocol

from grpc import aio

from mesh.errors import Problem
from mesh.transport.channels import open_channel
from mesh.v1 import control_pb2
from mesh.v1.control_pb2_grpc import ControlStub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grpc.aio._typing import EOFType

    Stream = aio.StreamStreamCall[control_pb2.FromAgent, control_pb2.FromControl]

logger = logging.getLogger(__name__)

PROTOCOL = 1

_ENDED = "the control plane ended the session"
_FIRST_WAIT_SECONDS = 0.2
_LAST_WAIT_SECONDS = 5.0
_ANSWER_SECONDS = 5.0
"""How long dialling and joining may take."""


class Member(Protocol):
    """The agent, as its session sees it."""

    def join(self) -> control_pb2.Join:
        """Who it is and what it runs."""

    def welcomed(self, mesh: str) -> None:
        """It is part of `mesh`."""

    def take(self, update: control_pb2.Update) -> None:
        """What is new in the mesh."""


class Session:
    """Keeps one session with the control plane at `address` as well as that can be.

    `first` is settled by the first attempt: the problems that the control plane has with this
    agent, none once the first update was taken; it fails with ConnectionError where nobody answers.
    """

    def __init__(self, address: str, member: Member) -> None:
        self.address = address
        self.first: asyncio.Future[Sequence[Problem]] = asyncio.get_running_loop().create_future()
        self._member = member
        self._wake = asyncio.Event()
        self._position: control_pb2.Position | None = None
        self._cells: control_pb2.Cells | None = None
        self._cells_are_new = False
        self._is_current = False
        self._is_unwanted = False
        self._leaving = asyncio.Event()
        self._left = asyncio.Event()
        self._heartbeat_seconds = self._lease_seconds = _ANSWER_SECONDS

    def confirm(self, position: control_pb2.Position) -> None:
        """Every cell has `position` in effect."""
        self._position = position
        self._wake.set()

    def report(self, endpoints: Sequence[control_pb2.Endpoint]) -> None:
        """Other hosts reach these cells, and no others."""
        self._cells = control_pb2.Cells(endpoints=endpoints)
        self._cells_are_new = True
        self._wake.set()

    async def leave(self, timeout_seconds: float) -> None:
        """Say that this agent ends on purpose."""
        self._leaving.set()
        self._wake.set()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._left.wait()
        except TimeoutError:
            logger.info("session.left_unheard", extra={"control": self.address})

    async def run(self) -> None:
        """Hold the session until `leave`, or until the first attempt is refused."""
        wait_seconds = _FIRST_WAIT_SECONDS
        while not self._leaving.is_set():
            self._is_current = False
            reason = await self._attempt()
            if not self.first.done():
                self.first.set_exception(ConnectionError(reason))
            if self._leaving.is_set() or self._is_unwanted:
                break
            logger.warning("session.lost", extra={"control": self.address, "reason": reason})
            if self._is_current:
                wait_seconds = _FIRST_WAIT_SECONDS
            await self._pause(wait_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            wait_seconds = min(wait_seconds * 2, _LAST_WAIT_SECONDS)
        self._left.set()

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, unless the agent leaves meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            pass

    async def _attempt(self) -> str:
        """One session from dialling to its end. Returns why it ended."""
        channel = open_channel(self.address)
        try:
            call: Stream = ControlStub(channel).Session()
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await call.write(control_pb2.FromAgent(join=self._member.join()))
                    answer = await call.read()
                return await self._answered(call, answer)
            finally:
                call.cancel()  # an abandoned call is never collected
        except aio.AioRpcError as error:
            return error.details() or error.code().name
        except TimeoutError:
            return f"no answer within {_ANSWER_SECONDS:g} s"
        finally:
            await channel.close()

    async def _answered(self, call: Stream, answer: control_pb2.FromControl | EOFType) -> str:
        if not isinstance(answer, control_pb2.FromControl):
            return _ENDED
        if answer.HasField("refusal"):
            return self._refused(answer.refusal)
        if not answer.HasField("welcome"):
            return "it does not speak this protocol"
        self._lease_seconds = answer.welcome.lease_seconds or _ANSWER_SECONDS
        self._heartbeat_seconds = answer.welcome.heartbeat_seconds or _ANSWER_SECONDS
        self._member.welcomed(answer.welcome.mesh)
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write(call))
            reason = await self._read(call)
            writer.cancel()
        return reason

    def _refused(self, refusal: control_pb2.Refusal) -> str:
        """The control plane will not have this agent. Fatal only when it starts."""
        problems = [
            Problem(where=reason.where, reason=reason.reason, fix=reason.fix)
            for reason in refusal.reasons
        ]
        if not self.first.done():
            self._is_unwanted = True
            self.first.set_result(problems)
        return "refused: " + "; ".join(str(problem) for problem in problems)

    async def _read(self, call: Stream) -> str:
        """Take in what the control plane says. Returns why the session ended."""
        while True:
            try:
                async with asyncio.timeout(self._lease_seconds):
                    message = await call.read()
            except TimeoutError:
                return f"silent for {self._lease_seconds:g} s"
            except aio.AioRpcError as error:
                return error.details() or error.code().name
            if not isinstance(message, control_pb2.FromControl):
                return _ENDED
            if message.HasField("refusal"):
                return self._refused(message.refusal)
            if message.HasField("update"):
                self._is_current = True
                self._member.take(message.update)
                if not self.first.done():
                    self.first.set_result([])

    async def _write(self, call: Stream) -> None:
        """Say what is to be said, and that the agent is alive."""
        self._cells_are_new = self._cells is not None
        try:
            while True:
                for message in self._messages():
                    await call.write(message)
                if self._leaving.is_set():
                    await call.done_writing()
                    return
                try:
                    async with asyncio.timeout(self._heartbeat_seconds):
                        await self._wake.wait()
                except TimeoutError:
                    await call.write(control_pb2.FromAgent(heartbeat=control_pb2.Heartbeat()))
                self._wake.clear()
        except (aio.AioRpcError, asyncio.InvalidStateError):
            return  # the session is over: the reader knows why

    def _messages(self) -> Iterator[control_pb2.FromAgent]:
        if self._cells_are_new:
            self._cells_are_new = False
            yield control_pb2.FromAgent(cells=self._cells)
        if self._position is not None:
            position, self._position = self._position, None
            yield control_pb2.FromAgent(ack=control_pb2.Ack(position=position))
        if self._leaving.is_set():
            yield control_pb2.FromAgent(leave=control_pb2.Leave())
