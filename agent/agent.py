"""The agent of one host: the composition root, from the configuration to running cells.

Start order is stop order reversed: state directory, edge socket, cells. No user code runs in this
process. The edge socket stays open while a cell starts again, so clients wait but are not refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from agent.plan import plan_cells
from agent.state_dir import StateDirectory
from agent.supervisor import SupervisedCell
from mesh.errors import ConfigError, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mesh.config import EdgeConfig, MeshConfig
    from mesh.errors import Problem

logger = logging.getLogger(__name__)

EDGE_BACKLOG = 1024
"""Connections that wait in the kernel while a cell starts again."""


class Agent:
    """Runs the cells of this host until it is told to stop."""

    def __init__(self, config: MeshConfig, announce: Callable[[str], None]) -> None:
        self._config = config
        self._announce = announce
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT, drain, and return the exit code.

        Raises: ConfigError, StartError; then nothing of this agent is left running.
        """
        with ExitStack() as stack:
            stack.enter_context(StateDirectory(self._config.state_dir))
            listening = None
            if self._config.edge.workers:
                listening = stack.enter_context(bind_edge(self._config.edge))
            self._catch_signals()
            return await self._run_cells(listening)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signals.put_nowait, number)

    async def _run_cells(self, listening: socket.socket | None) -> int:
        gate = asyncio.Event()
        descriptors = [] if listening is None else [listening.fileno()]
        cells = [
            SupervisedCell(start, descriptors if start.HasField("edge") else [], gate)
            for start in plan_cells(self._config, descriptors[0] if descriptors else None)
        ]
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
                if listening is not None:
                    listening.close()  # the cells do so too: from now on connections are refused
                code = await self._stop(cells)
            start.cancel()
            stop.cancel()
        if problems:
            raise ConfigError(problems)
        return code

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
            drained = tasks.create_task(
                asyncio.wait([tasks.create_task(cell.stop()) for cell in cells])
            )
            await asyncio.wait([drained, again], return_when=asyncio.FIRST_COMPLETED)
            if not again.done():
                again.cancel()
                return 0
            for cell in cells:
                cell.kill()
            return 128 + again.result()


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
