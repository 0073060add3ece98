"""The agent's session with the control plane: joins, listens, confirms, and comes back.

    dialling → joining → current ──┬→ (lost) → waiting 0.2 to 5 s → dialling …
        └───────┴→ refused         └→ left

Losing the session changes nothing for the cells. Whatever is to be said is kept as state, not as a
queue, so a session that was away says what holds now.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

from grpc import aio

from agent.backoff import Backoff
from mesh.errors import Problem
from mesh.transport.channels import open_channel
from mesh.transport.reasons import is_no_connection, short_reason
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


class NoSessionError(Exception):
    """The first attempt brought no session; `was_answered` says whether somebody was there."""

    def __init__(self, reason: str, *, was_answered: bool) -> None:
        super().__init__(reason)
        self.was_answered = was_answered


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
    agent, none once the first update was taken; it fails with NoSessionError where there is none.
    """

    def __init__(self, address: str, member: Member) -> None:
        self.address = address
        self.first: asyncio.Future[Sequence[Problem]] = asyncio.get_running_loop().create_future()
        self._member = member
        self._wake = asyncio.Event()
        self._position: control_pb2.Position | None = None
        self._cells: control_pb2.Cells | None = None
        self._cells_are_new = False
        self._report = 0
        self._known = asyncio.Event()
        self._is_current = False
        self._is_unwanted = False
        self._was_answered = False
        self._lost_for = ""
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
        self._report += 1
        self._cells.number = self._report
        self._known.clear()
        self._wake.set()

    async def wait_cells_known(self, timeout_seconds: float) -> None:
        """Wait until those who call them know of the last report, if there is a session."""
        if not self._is_current or not self._report:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._known.wait()

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
        backoff = Backoff(_FIRST_WAIT_SECONDS, _LAST_WAIT_SECONDS, spread=0.5)
        while not self._leaving.is_set():
            self._is_current = False
            reason = await self._attempt()
            if not self.first.done():
                error = NoSessionError(reason, was_answered=self._was_answered)
                self.first.set_exception(error)
            if self._leaving.is_set() or self._is_unwanted:
                break
            self._log_loss(reason)
            if self._is_current:
                backoff.reset()
            await self._pause(backoff.next_seconds())
        self._left.set()

    def _log_loss(self, reason: str) -> None:
        """Once for each reason, not for each attempt."""
        level = logging.DEBUG if reason == self._lost_for else logging.WARNING
        self._lost_for = reason
        logger.log(level, "session.lost", extra={"control": self.address, "reason": reason})

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
            details = error.details() or error.code().name
            self._was_answered = not is_no_connection(details)
            return short_reason(details)
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
        self._was_answered = True
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
        return "refused: " + "; ".join(f"{one.where}: {one.reason}" for one in problems)

    async def _read(self, call: Stream) -> str:
        """Take in what the control plane says. Returns why the session ended."""
        while True:
            try:
                async with asyncio.timeout(self._lease_seconds):
                    message = await call.read()
            except TimeoutError:
                return f"silent for {self._lease_seconds:g} s"
            except aio.AioRpcError as error:
                return short_reason(error.details() or error.code().name)
            if not isinstance(message, control_pb2.FromControl):
                return _ENDED
            if message.HasField("refusal"):
                return self._refused(message.refusal)
            if message.HasField("update"):
                self._take(message.update)
            if message.HasField("cells_known") and message.cells_known.number == self._report:
                self._known.set()

    def _take(self, update: control_pb2.Update) -> None:
        self._is_current = True
        if self._lost_for:
            self._lost_for = ""
            logger.info("session.back", extra={"control": self.address})
        self._member.take(update)
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
