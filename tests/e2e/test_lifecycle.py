"""Start, stop and death of agents and cells."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.agent_process import AgentProcess, Answer
from tests.support.files import write, write_worker

if TYPE_CHECKING:
    from collections.abc import Callable

HELLO = """
    import asyncio
    import os
    from workers import Response, WorkerEntrypoint

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            path = request.url.rsplit("/", 1)[1]
            if path == "slow":
                await asyncio.sleep(1)
            elif path == "stuck":
                await asyncio.Event().wait()
            elif path == "late":
                self.ctx.waitUntil(self.late())
            elif path == "spin":
                while True:
                    pass
            elif path == "stubborn":
                while True:
                    try:
                        await asyncio.sleep(60)
                    except asyncio.CancelledError:
                        pass
            elif path == "print":
                print("nobody reads this")
            elif path == "child":
                os.system("sleep 20 &")
            return Response("hello")

        async def late(self):
            await asyncio.sleep(0.5)
            print("late is done", flush=True)
"""


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """A folder with one public worker."""
    write_worker(tmp_path, "hello", HELLO, config="workers_dev = true")
    return tmp_path


def in_background(function: Callable[[], Answer]) -> Callable[[], Answer | None]:
    """Run in a thread. Returns a function that waits for the result; None if it raised OSError."""
    results: list[Answer] = []

    def run() -> None:
        try:
            results.append(function())
        except OSError:
            pass

    thread = threading.Thread(target=run)
    thread.start()

    def join() -> Answer | None:
        thread.join(30)
        return results[0] if results else None

    return join


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for what another process does, of which nothing else tells."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_drains(hello: Path, number: signal.Signals) -> None:
    """Requests in flight finish, waitUntil too; nothing new is accepted; exit code 0."""
    with AgentProcess("hello", directory=hello) as agent:
        assert agent.request("/late").status == 200
        slow = in_background(lambda: agent.request("/slow"))
        wait_for(lambda: _connections(agent) == 1, 5)
        code, seconds = agent.stop(number)
        answer = slow()
        assert (code, answer and answer.status) == (0, 200)
        assert seconds < 3
        with pytest.raises(ConnectionRefusedError):
            agent.request("/")
        assert "late is done" in agent.rest_of_output()


def test_idle_agent_stops_at_once_despite_open_connections(hello: Path) -> None:
    """A keep-alive connection that does nothing holds nobody up."""
    with (
        AgentProcess("hello", directory=hello) as agent,
        socket.create_connection(("127.0.0.1", agent.port)) as idle,
    ):
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"hello" in idle.recv(65536)
        code, seconds = agent.stop()
        assert code == 0
        assert seconds < 2


def test_second_signal_ends_at_once(hello: Path) -> None:
    """A request that never ends cannot keep the agent from stopping."""
    with AgentProcess("hello", directory=hello) as agent:
        stuck = in_background(lambda: agent.request("/stuck"))
        wait_for(lambda: _connections(agent) == 1, 5)
        (cell,) = agent.cells()
        agent.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "cell.draining" in agent.log, 5)
        code, seconds = agent.stop(signal.SIGINT)
        assert code == 128 + signal.SIGINT
        assert seconds < 1
        assert stuck() is None
        assert not is_alive(cell)


def test_connections_are_refused_while_it_drains(hello: Path) -> None:
    """Nobody is accepted only to be reset later."""
    with AgentProcess("hello", directory=hello) as agent:
        slow = in_background(lambda: agent.request("/slow"))
        wait_for(lambda: _connections(agent) == 1, 5)
        agent.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "cell.draining" in agent.log, 5)
        with pytest.raises(ConnectionRefusedError):
            agent.request("/")
        assert agent.process.poll() is None
        answer = slow()
        assert answer is not None
        assert answer.status == 200
        assert agent.process.wait(5) == 0


@pytest.mark.parametrize(("path", "code"), [("/stuck", 0), ("/stubborn", 0), ("/spin", 0)])
def test_drain_ends_in_time(hello: Path, path: str, code: int) -> None:
    """What does not finish is cancelled, what ignores that is cut; the limits are the bound."""
    write(hello / "mesh.toml", "[limits]\ndrain_seconds = 0.5\nwait_until_seconds = 0.5\n")
    with AgentProcess("hello", directory=hello) as agent:
        request = in_background(lambda: agent.request(path))
        wait_for(lambda: _connections(agent) == 1, 5)
        assert agent.stop()[0] == code
        assert request() is None
        assert agent.stop_seconds < 0.5 + 0.5 + 2.5


def test_cell_that_is_told_to_stop_alone_is_replaced(hello: Path) -> None:
    """SIGTERM to a cell drains it, even if a handler will not end; the agent starts another."""
    write(hello / "mesh.toml", "[limits]\ndrain_seconds = 0.3\nwait_until_seconds = 0.3\n")
    with AgentProcess("hello", directory=hello) as agent:
        request = in_background(lambda: agent.request("/stubborn"))
        wait_for(lambda: _connections(agent) == 1, 5)
        (cell,) = agent.cells()
        os.kill(cell, signal.SIGTERM)
        wait_for(lambda: agent.cells() not in ([], [cell]), 5)
        assert agent.request("/").status == 200
        assert request() is None


def test_every_process_told_to_stop_at_once(hello: Path) -> None:
    """As systemd does: agent and cell get the signal; that is an ordinary stop."""
    with AgentProcess("hello", directory=hello) as agent:
        slow = in_background(lambda: agent.request("/slow"))
        wait_for(lambda: _connections(agent) == 1, 5)
        (cell,) = agent.cells()
        os.kill(cell, signal.SIGTERM)
        code, _ = agent.stop()
        answer = slow()
        assert (code, answer and answer.status) == (0, 200)
        assert "Traceback" not in agent.log


def test_signal_while_a_group_still_loads(tmp_path: Path) -> None:
    """The groups that wait for it end as well, at once."""
    write_worker(tmp_path, "hello", HELLO, config="workers_dev = true")
    write_worker(tmp_path, "slow", "import time\ntime.sleep(30)\n" + "def on_fetch(): ...\n")
    write(tmp_path / "mesh.toml", '[groups.apart]\nworkers = ["slow"]\n')
    agent = AgentProcess(directory=tmp_path)
    try:
        wait_for(lambda: len(agent.cells()) == 2, 5)
        cells = agent.cells()
        code, seconds = agent.stop()
        assert (code, seconds < 2) == (0, True)
        assert not any(is_alive(cell) for cell in cells)
    finally:
        agent.__exit__()


def test_unusual_death_of_a_cell_does_not_end_the_agent(hello: Path) -> None:
    """A real-time signal, say, which has no name in Python."""
    with AgentProcess("hello", directory=hello) as agent:
        (cell,) = agent.cells()
        os.kill(cell, 40)
        wait_for(lambda: "signal 40" in agent.log, 5)
        assert agent.request("/").status == 200
        assert "Traceback" not in agent.log


def test_print_fails_no_request_when_nobody_reads(hello: Path) -> None:
    """As after `mesh-agent start | head -1`."""
    with AgentProcess("hello", directory=hello) as agent:
        assert agent.process.stdout is not None
        agent.process.stdout.close()
        for _ in range(3):
            assert agent.request("/print").status == 200


def test_processes_of_workers_inherit_no_sockets(hello: Path) -> None:
    """A program that a worker started does not keep the public port."""
    with AgentProcess("hello", directory=hello) as agent:
        assert agent.request("/child").status == 200
        agent.stop()
        with socket.create_server(("127.0.0.1", agent.port)):
            pass


def test_killed_cell_comes_back_and_the_socket_refuses_nobody(hello: Path) -> None:
    """kill -9 under load: only requests in flight break; calls work again within two seconds."""
    with AgentProcess("hello", directory=hello) as agent:
        stop = threading.Event()
        refused: list[str] = []
        answered: list[float] = []
        broken: list[float] = []

        def load() -> None:
            while not stop.is_set():
                try:
                    answer = agent.request("/")
                except ConnectionRefusedError as error:
                    refused.append(str(error))
                except OSError:
                    broken.append(time.monotonic())
                else:
                    assert answer.status == 200
                    answered.append(time.monotonic())

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                (cell,) = agent.cells()
                count = len(answered)
                wait_for(lambda count=count: len(answered) > count + 20, 10)
                os.kill(cell, signal.SIGKILL)
                killed = time.monotonic()
                wait_for(lambda killed=killed: bool(answered) and answered[-1] > killed + 0.05, 2)
                wait_for(lambda cell=cell: agent.cells() not in ([], [cell]), 2)
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        assert not refused
        assert len(broken) <= 12  # at most one for each thread and kill
        assert agent.log.count("how='signal SIGKILL'") == 3


@pytest.mark.parametrize("path", ["/", "/stuck", "/spin"])
def test_no_cell_outlives_its_agent(hello: Path, path: str) -> None:
    """kill -9 of the agent: its cell is gone within five seconds, even if its loop is stuck."""
    with AgentProcess("hello", directory=hello) as agent:
        (cell,) = agent.cells()
        request = in_background(lambda: agent.request(path))
        if path == "/":
            request()
        else:
            wait_for(lambda: _connections(agent) == 1, 5)
        agent.process.kill()
        wait_for(lambda: not is_alive(cell), 5)
        request()


def test_cell_that_cannot_start_again_is_retried_with_backoff(hello: Path) -> None:
    """A worker broken on disk keeps the agent trying; mended, it serves; the log names the line."""
    with AgentProcess("hello", directory=hello) as agent:
        main = hello / "hello" / "src" / "entry.py"
        sound = main.read_text()
        write(main, "import nosuch\n")
        (cell,) = agent.cells()
        os.kill(cell, signal.SIGKILL)
        wait_for(lambda: agent.log.count("cell.not_loaded") >= 2, 10)
        assert "entry.py:1" in agent.log
        main.write_text(sound)
        assert agent.request("/").status == 200


def _connections(agent: AgentProcess) -> int:
    """Connections to the edge that are established, seen from the server's side."""
    count = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rsplit(":", 1)[1], 16) == agent.port and fields[3] == "01":
            count += 1
    return count
