"""The agent of one host: the composition root, from the configuration to running cells.

Start order is stop order reversed: state directory, edge socket, control plane if it is in here,
session, cells. No user code runs in this process. The edge socket stays open while a cell starts
again, so clients wait but are not refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from agent.membership import Membership
from agent.plan import plan_cells
from agent.supervisor import SupervisedCell
from mesh.control.server import ControlPlane
from mesh.errors import ConfigError, MeshError, StartError
from mesh.state_dir import StateDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mesh.config import EdgeConfig, MeshConfig
    from mesh.errors import Problem

logger = logging.getLogger(__name__)

SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket (unix(7))."""

EDGE_BACKLOG = 1024
"""Connections that wait in the kernel while a cell starts again."""


class Agent:
    """Runs the cells of this host until it is told to stop."""

    def __init__(self, config: MeshConfig, announce: Callable[[str], None]) -> None:
        self._config = config
        self._announce = announce
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._run_directory: Path
        self._membership: Membership

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT, drain, and return the exit code.

        Raises: ConfigError, StartError; then nothing of this agent is left running.
        """
        state_dir = self._config.state_dir
        async with AsyncExitStack() as stack:
            stack.enter_context(StateDirectory(state_dir, lock="agent.lock", holder="agent"))
            listening = None
            if self._config.edge.workers:
                listening = stack.enter_context(bind_edge(self._config.edge))
            self._catch_signals()
            self._run_directory = make_run_directory(state_dir)
            address = self._config.agent.control
            if address is None:
                plane = await stack.enter_async_context(ControlPlane(state_dir))
                address = plane.addresses[0]
            self._membership = Membership(self._config, address)
            return await self._run_member(listening)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signals.put_nowait, number)

    async def _run_member(self, listening: socket.socket | None) -> int:
        """Join the mesh, run the cells, leave."""
        member = self._membership
        failure = None
        code = 0
        async with asyncio.TaskGroup() as tasks:
            session = tasks.create_task(member.session.run())
            try:
                if await self._wait_joined():
                    try:
                        code = await self._run_cells(listening)
                    finally:
                        await member.leave()
            except MeshError as error:  # as itself, not as a group of one
                failure = error
            session.cancel()
        if failure is not None:
            raise failure
        return code

    async def _wait_joined(self) -> bool:
        """Wait until the mesh is known; False where the agent was told to stop before."""
        async with asyncio.TaskGroup() as tasks:
            joined = tasks.create_task(asyncio.wait([self._membership.session.first]))
            stop = tasks.create_task(self._signals.get())
            await asyncio.wait([joined, stop], return_when=asyncio.FIRST_COMPLETED)
            joined.cancel()
            stop.cancel()
        if not self._membership.session.first.done():
            return False
        self._membership.start()
        return True

    async def _run_cells(self, listening: socket.socket | None) -> int:
        gate = asyncio.Event()
        cells = self._new_cells(listening, gate)
        code = 0
        async with asyncio.TaskGroup() as tasks:
            for cell in cells:
                tasks.create_task(cell.run())
            stop = tasks.create_task(self._signals.get())
            start = tasks.create_task(self._start(cells, gate, listening))
            await asyncio.wait([start, stop], return_when=asyncio.FIRST_COMPLETED)
            problems = start.result() if start.done() else []
            if problems:
                for cell in cells:
                    cell.kill()
            else:
                await asyncio.wait([stop])
                start.cancel()  # it may still wait for other hosts, to say that all is ready
                await asyncio.wait([start])
                if listening is not None:
                    listening.close()  # the cells do so too: from now on connections are refused
                code = await self._stop(cells)
            start.cancel()
            stop.cancel()
        if problems:
            raise ConfigError(problems)
        return code

    def _new_cells(
        self, listening: socket.socket | None, gate: asyncio.Event
    ) -> list[SupervisedCell]:
        distribution = self._membership.distribution
        descriptors = [] if listening is None else [listening.fileno()]
        cells = [
            SupervisedCell(
                start,
                descriptors if start.HasField("edge") else [],
                gate,
                distribution,
                self._run_directory,
            )
            for start in plan_cells(self._config, descriptors[0] if descriptors else None)
        ]
        distribution.cells = cells
        return cells

    async def _start(
        self,
        cells: Sequence[SupervisedCell],
        gate: asyncio.Event,
        listening: socket.socket | None,
    ) -> list[Problem]:
        """Let every cell serve once all have loaded. Returns the problems if some have not."""
        problems = [problem for cell in cells for problem in await cell.first_load]
        if problems:
            return problems
        gate.set()
        for cell in cells:
            await cell.serving.wait()
        await self._membership.wait_known()
        self._announce(self._ready_line(listening))
        return []

    def _ready_line(self, listening: socket.socket | None) -> str:
        if listening is None:
            return "ready: no edge worker, so nothing is public (--edge WORKER makes one)"
        host, port = listening.getsockname()[:2]
        workers = ", ".join(str(worker) for worker in self._config.edge.workers)
        return f"ready: http://{_bracketed(host)}:{port} → {workers}"

    async def _stop(self, cells: Sequence[SupervisedCell]) -> int:
        """Drain every cell; a second signal ends them at once. Returns the exit code."""
        logger.info("agent.draining")
        async with asyncio.TaskGroup() as tasks:
            again = tasks.create_task(self._signals.get())
            drained = tasks.create_task(self._drain(cells))
            await asyncio.wait([drained, again], return_when=asyncio.FIRST_COMPLETED)
            if not again.done():
                again.cancel()
                return 0
            for cell in cells:
                cell.kill()
            drained.cancel()
            return 128 + again.result()

    async def _drain(self, cells: Sequence[SupervisedCell]) -> None:
        """End all cells: what the public began first, for it may need cells here and elsewhere.

        Only then the mesh is told that nobody should call them any more.
        """
        async with asyncio.TaskGroup() as tasks:
            for cell in cells:
                tasks.create_task(cell.drain())
        await self._membership.withdraw()
        async with asyncio.TaskGroup() as tasks:
            for cell in cells:
                tasks.create_task(cell.close())


def make_run_directory(state_dir: Path) -> Path:
    """The directory of the cells' sockets, without those of an agent that was killed.

    Raises: StartError where the paths in it would be too long for a socket.
    """
    directory = state_dir / "run"
    longest = len(os.fsencode(directory / "01234567.sock"))
    if longest > SOCKET_PATH_BYTES:
        raise StartError(
            f"{state_dir}: the state directory's path is too long for the Unix sockets in it "
            f"({longest} bytes, {SOCKET_PATH_BYTES} are possible); give a shorter one with "
            "--state-dir or MESH_STATE_DIR"
        )
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        for left_over in directory.glob("*.sock"):
            left_over.unlink(missing_ok=True)
    except OSError as error:
        raise StartError(
            f"{directory}: cannot hold the sockets of the cells ({error.strerror}); move what is "
            "in the way, or give another directory with --state-dir or MESH_STATE_DIR"
        ) from error
    return directory


def bind_edge(edge: EdgeConfig) -> socket.socket:
    """The public listening socket. Raises: StartError that names the address."""
    address = f"{_bracketed(edge.host)}:{edge.port}"
    try:
        family, _, _, _, name = socket.getaddrinfo(
            edge.host, edge.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(name[:2], family=family, backlog=EDGE_BACKLOG)
    except OSError as error:
        known = error.errno is not None and error.errno > 0  # not so for names that do not resolve
        reason = os.strerror(error.errno) if known and error.errno else error.strerror
        raise StartError(
            f"{address}: cannot listen there ({reason}); "
            "stop what does, or choose another address with --edge-listen"
        ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
