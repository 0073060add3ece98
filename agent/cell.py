"""The process that runs one group's workers: `python -m agent.cell DESCRIPTOR`.

Started by the agent with one end of a socket pair, over which it learns everything else.

    loading → loaded → serving → draining → drained → closing → exit

It drains when the agent says so, on SIGTERM, and when the agent is gone. Threads see to it that
draining ends in time, within `ORPHAN_SECONDS` without an agent, even if the loop is stuck.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NoReturn

import uvloop

from agent.background import Background
from agent.bindings import CellBindings
from agent.messages import MessageStream
from agent.outbound import OutboundChannel
from agent.output import forgive_closed_pipes
from agent.wiring import load_workers
from mesh.errors import ConfigError
from mesh.observe.logging import configure
from mesh.routing.table import RoutingTable
from mesh.v1 import cell_pb2

if TYPE_CHECKING:
    from agent.edge import EdgeListener
    from agent.host import WorkerHost
    from agent.neighbours import Neighbours

    Stream = MessageStream[cell_pb2.ToCell, cell_pb2.FromCell]

logger = logging.getLogger("agent.cell")  # __name__ is __main__ here

ORPHAN_SECONDS = 3.0
"""How long a cell may go on without its agent."""

DRAIN_MARGIN_SECONDS = 1.0
"""What draining may take beyond its limits before the process ends itself."""

EXIT_NOT_LOADED = 2


class Cell:
    """The life of one cell, from the first message to the exit."""

    def __init__(self, agent: Stream, start: cell_pb2.Start) -> None:
        self._agent = agent
        self._start = start
        self._background = Background(start.limits.wait_until_seconds)
        self._outbound = OutboundChannel()
        self._neighbours: Neighbours | None = None
        self._edge: EdgeListener | None = None
        self._told_to_stop = asyncio.Event()
        self._ends_at = 0.0

    def stop(self) -> None:
        """Drain and end, whatever the agent says."""
        self._told_to_stop.set()

    async def run(self) -> int:
        """Load, serve, drain. Returns the exit code."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._outbound.aclose)
            try:
                hosts = await self._load(stack)
            except ConfigError as error:
                await self._agent.send(_failed(error))
                return EXIT_NOT_LOADED
            await self._agent.send(cell_pb2.FromCell(loaded=cell_pb2.Loaded()))
            if await self._next_order() == "serve":
                await self._serve(stack, hosts)
                await self._next_order()  # drain, or the end of the stream: both mean the end
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._next_order())  # close, or the end; views meanwhile
                await self._drain()
            await self._close()
        return 0

    async def _load(self, stack: AsyncExitStack) -> dict[str, WorkerHost]:
        """The workers, bound and ready. Raises: ConfigError."""
        start = self._start
        table = RoutingTable.from_view(start.view, start.agent)
        if not start.is_alone:
            from agent.neighbours import Neighbours  # noqa: PLC0415 - loads grpc, 10 MiB

            self._neighbours = await stack.enter_async_context(Neighbours(start))
        to_remote = self._neighbours.channel if self._neighbours else None
        self._bindings = CellBindings(start.workers, table, to_remote)
        hosts = load_workers(start, self._bindings, self._background, self._outbound)
        if self._neighbours is not None:
            self._neighbours.listen(hosts, table)
        return hosts

    async def _serve(self, stack: AsyncExitStack, hosts: dict[str, WorkerHost]) -> None:
        serving = cell_pb2.Serving()
        if self._neighbours is not None:
            await self._neighbours.serve()
            serving.peer_port = self._neighbours.port
        if self._start.HasField("edge"):
            self._edge = await stack.enter_async_context(self._open_edge(hosts))
        await self._agent.send(cell_pb2.FromCell(serving=serving))

    async def _next_order(self) -> str | None:
        """What the agent wants next, while its views are taken in.

        Returns None where it is gone, or the process was told to stop.
        """
        async with asyncio.TaskGroup() as tasks:
            stop = tasks.create_task(self._told_to_stop.wait())
            receive = tasks.create_task(self._receive_order())
            await asyncio.wait([stop, receive], return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            receive.cancel()
        return None if receive.cancelled() else receive.result()

    async def _receive_order(self) -> str | None:
        while (message := await self._agent.receive()) is not None:
            order: str | None = message.WhichOneof("message")
            if order != "view":
                return order
            self._apply(message.view)
        return None

    def _apply(self, view: cell_pb2.View) -> None:
        table = RoutingTable.from_view(view, self._start.agent)
        if self._neighbours is not None:
            self._neighbours.apply(table)
        self._bindings.apply(table)
        applied = cell_pb2.ViewApplied(sequence=view.sequence)
        self._agent.send_soon(cell_pb2.FromCell(view_applied=applied))

    def _open_edge(self, hosts: dict[str, WorkerHost]) -> EdgeListener:
        from agent.edge import EdgeListener  # noqa: PLC0415 - only cells with an edge load a server
        from agent.edge_routes import EdgeRoutes  # noqa: PLC0415

        edge = self._start.edge
        routes = EdgeRoutes(
            (route.pattern, hosts[route.worker].entrypoints[""]) for route in edge.routes
        )
        return EdgeListener(
            socket.socket(fileno=edge.descriptor),
            routes,
            body_limit_bytes=self._start.limits.body_bytes,
            invocation_limit=self._start.limits.invocations,
        )

    async def _drain(self) -> None:
        """Finish what the public began; other cells still get answers, for theirs may need them."""
        limits = self._start.limits
        logger.info("cell.draining", extra={"cell": self._start.cell})
        patience = limits.drain_seconds + limits.wait_until_seconds
        self._ends_at = asyncio.get_running_loop().time() + patience
        _exit_after(patience + DRAIN_MARGIN_SECONDS)
        if self._edge is not None:
            await self._edge.drain(limits.drain_seconds)
        await self._background.wait(limits.wait_until_seconds)  # calls of other cells have theirs
        with contextlib.suppress(ConnectionError):  # the agent is gone: so be it
            await self._agent.send(cell_pb2.FromCell(drained=cell_pb2.Drained()))

    async def _close(self) -> None:
        """Finish what other cells began, in what is left of the limits."""
        loop = asyncio.get_running_loop()
        patience = 0.0  # what the public began has had its time
        if self._neighbours is not None:
            await self._neighbours.drain(max(0.0, self._ends_at - loop.time()))
            left = max(0.0, self._ends_at - loop.time())
            patience = min(left, self._start.limits.wait_until_seconds)
        await self._background.drain(patience)


async def _main(descriptor: int) -> int:
    agent: Stream = await MessageStream.open(socket.socket(fileno=descriptor), cell_pb2.ToCell)
    message = await agent.receive()
    if message is None:
        return 0
    if message.start.HasField("edge"):
        os.set_inheritable(message.start.edge.descriptor, False)  # noqa: FBT003 - os has it so
    cell = Cell(agent, message.start)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cell.stop)
    code = await cell.run()
    agent.close()
    return code


def _failed(error: ConfigError) -> cell_pb2.FromCell:
    problems = [
        cell_pb2.Problem(where=problem.where, reason=problem.reason, fix=problem.fix)
        for problem in error.problems
    ]
    return cell_pb2.FromCell(failed=cell_pb2.Failed(problems=problems))


def _exit_after(seconds: float) -> None:
    """End the process by then, even if worker code holds up the event loop."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _exit_when_orphaned(descriptor: int) -> None:
    """Thread: end the process some seconds after the agent closed its end of the socket pair."""
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP)
    poll.poll()
    time.sleep(ORPHAN_SECONDS)  # in a thread of its own, which has nothing else to do
    os._exit(1)


def _refuse_fork() -> NoReturn:
    raise OSError(
        "fork() is refused in a cell: threads of gRPC and the event loop do not survive it; "
        "use subprocess, or multiprocessing with the spawn method"
    )


def main() -> None:
    """Entry of the process."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - worker code may start processes
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the agent's business
    forgive_closed_pipes()
    configure(os.environ.get("MESH_LOG_LEVEL", "INFO"))
    os.fork = os.forkpty = _refuse_fork
    watcher = os.dup(descriptor)
    threading.Thread(target=_exit_when_orphaned, args=(watcher,), daemon=True).start()
    sys.exit(uvloop.run(_main(descriptor)))


if __name__ == "__main__":
    main()
