"""A small agent for tests of the control plane: it joins, keeps its view, and acks on demand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from grpc import aio

from mesh.transport.channels import ADMIN_LIMIT_BYTES, open_channel
from mesh.v1.admin_pb2 import SetBindingRequest, WriteOptions
from mesh.v1.admin_pb2_grpc import AdminStub
from mesh.v1.control_pb2 import (
    Ack,
    Cells,
    DeclaredBinding,
    Endpoint,
    FromAgent,
    FromControl,
    Heartbeat,
    Join,
    Leave,
    Position,
    Resource,
    Target,
    Update,
    WorkerManifest,
)
from mesh.v1.control_pb2_grpc import ControlStub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SECONDS = 10.0
"""Longer than anything here takes."""


def target(text: str, props_json: bytes = b"") -> Target:
    """`service@environment#Entrypoint`."""
    text, _, entrypoint = text.partition("#")
    service, _, environment = text.partition("@")
    return Target(
        service=service, environment=environment, entrypoint=entrypoint, props_json=props_json
    )


def manifest(worker: str, *, names: tuple[str, ...] = (), **bindings: str) -> WorkerManifest:
    """A worker that declares these bindings."""
    return WorkerManifest(
        worker=worker,
        digest="a" * 64,
        group="default",
        names=names,
        bindings=[DeclaredBinding(name=n, target=target(t)) for n, t in bindings.items()],
    )


def join(agent: str, *workers: WorkerManifest | str, agent_id: str = "", **fields) -> Join:
    """What an agent says first."""
    return Join(
        protocol=fields.pop("protocol", 1),
        agent_id=agent_id or f"id-{agent}",
        agent=agent,
        software="1.0",
        workers=[manifest(w) if isinstance(w, str) else w for w in workers],
        **fields,
    )


def endpoint(name: str, *workers: str) -> Endpoint:
    """A cell that can be called."""
    return Endpoint(id=name, cell="default/0", address=f"unix:/{name}", workers=workers)


class FakeAgent:
    """One session. `auto_ack` can be set to False to be an agent that is behind."""

    def __init__(self, call: aio.StreamStreamCall[FromAgent, FromControl]) -> None:
        self.call = call
        self.auto_ack = True
        self.mesh = ""
        self.view: dict[str, Resource] = {}
        self.position = Position()
        self.updates: list[Update] = []
        self.heartbeats = 0
        self.known_cells: list[int] = []
        self.error: aio.AioRpcError | None = None
        self.has_ended = asyncio.Event()
        self._changed = asyncio.Condition()

    async def send(self, **message) -> None:
        """Say one thing."""
        await self.call.write(FromAgent(**message))

    async def ack(self) -> None:
        """Confirm what has come."""
        await self.send(ack=Ack(position=self.position))

    async def cells(self, *endpoints: Endpoint, number: int = 0) -> None:
        """Name the cells."""
        await self.send(cells=Cells(endpoints=endpoints, number=number))

    async def heartbeat(self) -> None:
        """Be alive."""
        await self.send(heartbeat=Heartbeat())

    async def leave(self) -> None:
        """Leave the mesh, and wait until that is done."""
        await self.send(leave=Leave())
        await self.has_ended.wait()

    async def wait(self, condition: Callable[[FakeAgent], object]) -> None:
        """Wait until the agent knows this."""
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    async def wait_binding(self, key: str, worker: str) -> None:
        """Wait until a binding of this agent's workers leads there."""
        await self.wait(
            lambda agent: (
                f"binding/{key}" in agent.view
                and agent.view[f"binding/{key}"].binding.worker == worker
            )
        )

    def grants(self) -> set[tuple[str, str]]:
        """Caller and called worker of each grant."""
        found = (resource.grant for resource in self.view.values() if resource.HasField("grant"))
        return {(grant.caller, grant.worker) for grant in found}

    def endpoints(self) -> dict[str, bool]:
        """Id and staleness of each endpoint."""
        found = (r.endpoint for r in self.view.values() if r.HasField("endpoint"))
        return {endpoint.id: endpoint.is_stale for endpoint in found}

    async def read(self) -> None:
        """Take what comes, until the session ends."""
        try:
            while isinstance(message := await self.call.read(), FromControl):
                await self._take(message)
        except aio.AioRpcError as error:
            self.error = error
        except (aio.UsageError, asyncio.InvalidStateError):
            pass  # the call has ended in between
        finally:
            self.has_ended.set()

    async def _take(self, message: FromControl) -> None:
        async with self._changed:
            match message.WhichOneof("message"):
                case "update":
                    self._update(message.update)
                    if self.auto_ack:
                        await self.ack()
                case "heartbeat":
                    self.heartbeats += 1
                case "cells_known":
                    self.known_cells.append(message.cells_known.number)
            self._changed.notify_all()

    def _update(self, update: Update) -> None:
        self.updates.append(update)
        self.position = update.position
        if update.is_snapshot:
            self.view = {}
            assert not update.removed
        for key in update.removed:
            del self.view[key]
        self.view.update({resource.key: resource for resource in update.resources})


async def first_answer(address: str, first: FromAgent) -> FromControl | aio.AioRpcError:
    """What the control plane says to a first message."""
    async with open_channel(address) as channel:
        call = ControlStub(channel).Session()
        await call.write(first)
        try:
            return await call.read()
        except aio.AioRpcError as error:
            return error
        finally:
            call.cancel()


@asynccontextmanager
async def joined(address: str, first: Join, *, auto_ack: bool = True) -> AsyncIterator[FakeAgent]:
    """An agent with a session, that has had its first update; at the end it just vanishes."""
    async with open_channel(address) as channel, asyncio.TaskGroup() as tasks:
        call = ControlStub(channel).Session()
        agent = FakeAgent(call)
        agent.auto_ack = auto_ack
        try:
            await agent.send(join=first)
            welcome = await call.read()
            assert welcome.HasField("welcome"), welcome
            agent.mesh = welcome.welcome.mesh
            tasks.create_task(agent.read())
            await agent.wait(lambda agent: agent.updates)
            yield agent
        finally:
            call.cancel()


@asynccontextmanager
async def administrator(address: str) -> AsyncIterator[AdminStub]:
    """The stub of the admin service."""
    async with open_channel(address, receive_limit_bytes=ADMIN_LIMIT_BYTES) as channel:
        yield AdminStub(channel)


def bind(caller: str, name: str, to: str, wait_seconds: float = 0.0, **fields) -> SetBindingRequest:
    """Set a binding."""
    return SetBindingRequest(
        caller=caller,
        name=name,
        target=target(to, **fields),
        options=WriteOptions(wait_seconds=wait_seconds),
    )
