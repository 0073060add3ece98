"""The service for agents: one session each, as `proto/mesh/v1/control.proto` draws it.

One task reads and one writes; neither waits for the other. What an agent is to be told while its
stream is busy is told as one later update, so nothing piles up.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio

from mesh.control.answers import STATUS, answered
from mesh.control.presence import HEARTBEAT_SECONDS, LEASE_SECONDS
from mesh.control.rejected import Rejected, Rejection
from mesh.transport.channels import MESSAGE_LIMIT_BYTES
from mesh.v1.control_pb2 import CellsKnown, FromAgent, FromControl, Heartbeat, Refusal, Welcome
from mesh.v1.control_pb2_grpc import ControlServicer

if TYPE_CHECKING:
    from mesh.control.plane import AgentSession, Plane

logger = logging.getLogger(__name__)

Context = aio.ServicerContext[FromAgent, FromControl]


class ControlService(ControlServicer):
    """Translates between sessions and the plane."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    # The stub knows generators only; grpc.aio also takes a coroutine that uses the context.
    async def Session(  # type: ignore[override]  # noqa: N802 - the rpc's name
        self,
        request_iterator: Any,  # noqa: ARG002 - Any: unused
        context: Context,
    ) -> None:
        """One agent's session."""
        async with answered(context, "Session"):
            session = await self._begin(context)
            if session is None:
                return
            try:
                await self._run(session, context)
            finally:
                self._plane.disconnect(session)
            if session.reason:
                await context.abort(STATUS[session.kind], session.reason)

    async def _begin(self, context: Context) -> AgentSession | None:
        """Let the agent join; `None`: it has been refused."""
        message: FromAgent | None = None
        try:
            async with asyncio.timeout(LEASE_SECONDS):
                message = await _read(context)
        except TimeoutError:
            pass  # answered like any other first message that is no Join
        if message is None or message.WhichOneof("message") != "join":
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "the first message of a session is Join"
            )
        join = message.join
        position = join.position if join.HasField("position") else None
        answer = self._plane.join(join, position)
        if isinstance(answer, Refusal):
            reasons = "; ".join(f"{r.where}: {r.reason}" for r in answer.reasons)
            logger.warning("agent.refused", extra={"agent": join.agent, "reasons": reasons})
            await context.write(FromControl(refusal=answer))
            return None
        return answer

    async def _run(self, session: AgentSession, context: Context) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                both = (
                    tasks.create_task(self._read_all(session, context)),
                    tasks.create_task(self._write_all(session, context)),
                )
                await session.ended.wait()
                for task in both:
                    task.cancel()
        except* aio.InternalError:
            session.end("")  # the agent's end of the connection is gone

    async def _read_all(self, session: AgentSession, context: Context) -> None:
        while (message := await _read(context)) is not None:
            if not self._plane.hear(session):
                return  # it has been ended; the reason is on its way
            try:
                self._take(session, message)
            except Rejected as error:
                session.end(str(error), error.kind)
                return
        session.end("")

    def _take(self, session: AgentSession, message: FromAgent) -> None:
        match message.WhichOneof("message"):
            case "ack":
                self._plane.ack(session, message.ack.position)
            case "cells":
                self._plane.replace_cells(session, message.cells)
            case "heartbeat":
                session.owes_heartbeat = True
                session.wake.set()
            case "leave":
                self._plane.leave(session)
            case "join":
                session.end("a session has one Join", Rejection.INVALID)
            case _:
                pass  # of a newer release

    async def _write_all(self, session: AgentSession, context: Context) -> None:
        welcome = Welcome(
            mesh=self._plane.state.stored.mesh,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            lease_seconds=LEASE_SECONDS,
        )
        await context.write(FromControl(welcome=welcome))
        while not session.ended.is_set():
            session.wake.clear()
            if session.owes_heartbeat:
                session.owes_heartbeat = False
                await context.write(FromControl(heartbeat=Heartbeat()))
            elif (number := session.owed_cells_known) is not None:
                session.owed_cells_known = None
                await context.write(FromControl(cells_known=CellsKnown(number=number)))
            elif (update := self._plane.next_update(session)) is not None:
                message = FromControl(update=update)
                if (size := message.ByteSize()) > MESSAGE_LIMIT_BYTES:
                    logger.error("agent.view_too_large", extra={"bytes": size})
                    session.end(
                        f"what the agent must know has {size} bytes, more than one message may "
                        f"have ({MESSAGE_LIMIT_BYTES}); give it fewer workers or vars",
                        Rejection.FULL,
                    )
                    return
                await context.write(message)
            else:
                await session.wake.wait()


async def _read(context: Context) -> FromAgent | None:
    """The next message; `None`: the agent, or its end of the connection, has closed."""
    message: Any = await context.read()  # Any: the stubs do not say that it may be EOF
    return message if isinstance(message, FromAgent) else None
