"""Keeps one cell running: starts its process, tells it what to do, starts it again when it ends.

    starting → loading → (gate) → serving → ended → backing off → starting …
                                     └─ drain: draining → drained ─ close → ended

A cell is started by exec, never by fork alone. The first loading is reported to the agent, which
starts nothing unless every cell loads; later failures are logged and tried again with backoff.
What the cell must know of the mesh is asked for when it starts, and passed on when it changes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from typing import TYPE_CHECKING, Protocol

from agent.backoff import Backoff
from agent.messages import MessageStream
from mesh.errors import Problem, ProtocolError
from mesh.v1 import cell_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Stream = MessageStream[cell_pb2.FromCell, cell_pb2.ToCell]

logger = logging.getLogger(__name__)

BACKOFF_FIRST_SECONDS = 0.1
BACKOFF_LAST_SECONDS = 30.0
STEADY_SECONDS = 10.0
"""A cell that served this long starts again with the shortest backoff."""

KILL_MARGIN_SECONDS = 2.0
"""What a draining cell gets beyond its own limits before it is killed."""


class Mesh(Protocol):
    """What a cell's supervisor asks of the one who knows the mesh."""

    def view_of(self, cell: SupervisedCell) -> cell_pb2.View:
        """What the cell must know now."""

    def cell_changed(self, cell: SupervisedCell) -> None:
        """The cell serves, serves no more, or has a view in effect."""


class SupervisedCell:
    """One cell of this agent, over all its processes.

    `gate` opens when the cells may serve. `first_load` gets the problems of the first loading.
    `run_directory` takes the Unix socket on which it listens for others, one for each process.
    """

    def __init__(
        self,
        start: cell_pb2.Start,
        descriptors: Sequence[int],
        gate: asyncio.Event,
        mesh: Mesh,
        run_directory: Path,
    ) -> None:
        self.name = start.cell
        self.start = start
        self.incarnation = ""
        self.unix_path: Path | None = None
        self.peer_port = 0
        self.view_sequence = 0
        """The last view that is in effect in the process."""
        self.first_load: asyncio.Future[Sequence[Problem]] = (
            asyncio.get_running_loop().create_future()
        )
        self.serving = asyncio.Event()
        self._mesh = mesh
        self._run_directory = run_directory
        self._takes_views = False
        self._sent_sequence = 0
        self._descriptors = tuple(descriptors)
        self._gate = gate
        self._stop = asyncio.Event()
        self._drained = asyncio.Event()
        self._ends_at = 0.0
        self._process: asyncio.subprocess.Process | None = None
        self._stream: Stream | None = None

    @property
    def takes_views(self) -> bool:
        """Whether there is a process that has to know of changes."""
        return self._takes_views

    def __repr__(self) -> str:
        pid = self._process.pid if self._process else None
        state = "serving" if self.serving.is_set() else "not serving"
        return f"<SupervisedCell {self.name} {state} pid={pid}>"

    async def run(self) -> None:
        """Keep the cell running until `stop` or `kill`."""
        backoff = Backoff(BACKOFF_FIRST_SECONDS, BACKOFF_LAST_SECONDS)
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            how = await self._run_process()
            if self._stop.is_set():
                break
            if loop.time() - began > STEADY_SECONDS:
                backoff.reset()
            delay = backoff.next_seconds()
            logger.error(
                "cell.ended", extra={"cell": self.name, "how": how, "restart_in": f"{delay:.2f}s"}
            )
            try:
                async with asyncio.timeout(delay):
                    await self._stop.wait()
            except TimeoutError:
                pass

    async def _run_process(self) -> str:
        """One process from start to end. Returns how it ended."""
        try:
            stream = await self._spawn()
        except OSError as error:  # no descriptors, no memory, no more processes
            how = f"not started: {error}"
        else:
            how = await self._accompany(stream)
        workers = ", ".join(worker.id for worker in self.start.workers)
        self._report(
            [
                Problem(
                    where=f"cell {self.name} ({workers})",
                    reason=f"ended while loading: {how}",
                    fix="a worker ends the process, or takes too much memory, when it is imported",
                )
            ]
        )
        return how

    async def _accompany(self, stream: Stream) -> str:
        """Talk to the process until it ends. Returns how it ended."""
        process = self._process
        assert process is not None
        try:
            if self._stop.is_set():  # while it was being started
                process.kill()
            async with asyncio.TaskGroup() as tasks:
                talk = tasks.create_task(self._converse(stream, process))
                code = await process.wait()
                talk.cancel()
        finally:
            self.serving.clear()
            self._process = self._stream = None
            self._takes_views = False
            self._drained.set()
            if self.unix_path is not None:
                self.unix_path.unlink(missing_ok=True)
            stream.close()
            self._mesh.cell_changed(self)
            if process.returncode is None:
                process.kill()
                await process.wait()
        return f"exit code {code}" if code >= 0 else f"signal {_signal_name(-code)}"

    async def _spawn(self) -> Stream:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",  # the current directory has no say in what `agent` or `workers` is
                    "-m",
                    "agent.cell",
                    str(theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), *self._descriptors),
                    start_new_session=True,  # a terminal's Ctrl-C reaches the agent alone
                    env={
                        **os.environ,
                        "GRPC_ENABLE_FORK_SUPPORT": "0",
                        "GRPC_VERBOSITY": "NONE",
                        "PYTHONUNBUFFERED": "1",
                    },
                )
        except BaseException:
            ours.close()
            raise
        self._stream = await MessageStream.open(ours, cell_pb2.FromCell)
        return self._stream

    async def _converse(self, stream: Stream, process: asyncio.subprocess.Process) -> None:
        """Tell the cell what to do until it ends; a cell that talks nonsense is killed."""
        try:
            await stream.send(cell_pb2.ToCell(start=self._new_start()))
            answer = await stream.receive()
            if answer is None:
                return  # it ends by itself
            if answer.WhichOneof("message") == "failed":
                self._not_loaded(answer.failed)
                return
            self._report([])
            await self._gate.wait()
            self._takes_views = True
            self.send_view()  # it may have changed while the cell was loading
            await stream.send(cell_pb2.ToCell(serve=cell_pb2.Serve()))
            while (message := await stream.receive()) is not None:
                self._heard(message, process)
        except ConnectionError:
            return  # it ended while it was spoken to
        except ProtocolError as error:
            logger.error("cell.killed", extra={"cell": self.name, "reason": str(error)})  # noqa: TRY400
            process.kill()

    def _new_start(self) -> cell_pb2.Start:
        """What to tell the next process."""
        self.incarnation = secrets.token_hex(4)
        self._drained.clear()
        self.view_sequence = self._sent_sequence = 0
        self.peer_port = 0
        start = cell_pb2.Start()
        start.CopyFrom(self.start)
        start.view.CopyFrom(self._mesh.view_of(self))
        if not start.is_alone:
            self.unix_path = self._run_directory / f"{self.incarnation}.sock"
            start.peers.unix_path = str(self.unix_path)
        return start

    def _heard(self, message: cell_pb2.FromCell, process: asyncio.subprocess.Process) -> None:
        match message.WhichOneof("message"):
            case "serving":
                self.peer_port = message.serving.peer_port
                self.serving.set()
                logger.info("cell.serving", extra={"cell": self.name, "pid": process.pid})
                self._mesh.cell_changed(self)
            case "view_applied":
                self.view_sequence = message.view_applied.sequence
                self.send_view()
                self._mesh.cell_changed(self)
            case "drained":
                self._drained.set()

    def send_view(self) -> None:
        """Tell the process what it must know now, once it has taken in what it was told before."""
        if not self._takes_views or self._stream is None:
            return
        if self.view_sequence == self._sent_sequence:
            view = self._mesh.view_of(self)
            if view.sequence > self._sent_sequence:
                self._sent_sequence = view.sequence
                self._stream.send_soon(cell_pb2.ToCell(view=view))

    def _not_loaded(self, failed: cell_pb2.Failed) -> None:
        problems = [
            Problem(where=problem.where, reason=problem.reason, fix=problem.fix)
            for problem in failed.problems
        ]
        if not self._report(problems):
            for problem in problems:
                logger.error("cell.not_loaded", extra={"cell": self.name, "problem": problem})

    def _report(self, problems: Sequence[Problem]) -> bool:
        """Settle `first_load`. Returns False where that was done before.

        A cell that cannot load even once is not tried again: the agent will not start.
        """
        if self.first_load.done():
            return False
        if problems:
            self._stop.set()
        self.first_load.set_result(problems)
        return True

    async def drain(self) -> None:
        """Let the cell finish what the public began; it goes on answering other cells.

        Returns when that is done, or has taken as long as the cell's limits allow.
        """
        self._stop.set()
        limits = self.start.limits
        self._ends_at = asyncio.get_running_loop().time() + (
            limits.drain_seconds + limits.wait_until_seconds
        )
        if not self.serving.is_set() or self._stream is None:
            self.kill()
            return
        self._stream.send_soon(cell_pb2.ToCell(drain=cell_pb2.Drain()))
        try:
            async with asyncio.timeout_at(self._ends_at):
                await self._drained.wait()
        except TimeoutError:
            logger.warning("cell.not_drained", extra={"cell": self.name})

    async def close(self) -> None:
        """Let the drained cell finish what other cells began, in what is left of its limits."""
        process = self._process
        if process is None or self._stream is None:
            return
        self._stream.send_soon(cell_pb2.ToCell(close=cell_pb2.Close()))
        try:
            async with asyncio.timeout_at(self._ends_at + KILL_MARGIN_SECONDS):
                await process.wait()
        except TimeoutError:
            logger.warning("cell.killed", extra={"cell": self.name, "reason": "it does not end"})
            self.kill()

    def kill(self) -> None:
        """End the cell at once."""
        self._stop.set()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
