"""A mesh of several agents on this machine: real commands, each with a state directory of its own.

The agents play hosts: they share nothing but the loopback network.
"""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.agent_process import READY_SECONDS, AgentProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self


class ControlProcess:
    """A real `mesh-control start`, which can be killed and started again at its address."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.address = "127.0.0.1:0"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()

    def start(self) -> None:
        command = [command_path("mesh-control"), "start", "--insecure", "--listen", self.address]
        with (self._directory / "control.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--state-dir", str(self._directory / "state")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        line = self.process.stdout.readline().decode() if ready else "nothing in time"
        assert line.startswith("ready:"), f"{line!r}\n{self.log}"
        self.address = line.split()[-1]

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @property
    def log(self) -> str:
        return (self._directory / "control.log").read_text()

    def stored_bytes(self) -> int:
        """When its database was written last, as the file system tells it."""
        return (self._directory / "state" / "control.db-wal").stat().st_mtime_ns


class Relay:
    """A TCP relay to the control plane for one agent, which can be cut and mended."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: set[socket.socket] = set()
        self._is_cut = False
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def cut(self) -> None:
        """End what goes through, and let nothing more through."""
        self._is_cut = True
        for each in list(self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let new connections through."""
        self._is_cut = False

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._sockets |= {near, far}
            both = threading.Thread(target=self._relay, args=(near, far))
            self._threads.append(both)
            both.start()

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            other = {near: far, far: near}
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for each in ready:
                    try:
                        data = each.recv(1 << 16)
                        other[each].sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        self._sockets -= {near, far}
                        return


class SeveralHosts:
    """A control plane, and agents as they are started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.control = ControlProcess(directory / "control")

    def __enter__(self) -> Self:
        self.control.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.control.kill()

    def agent(
        self,
        name: str,
        *workers: Path | str,
        flags: tuple[str, ...] = (),
        control: str | None = None,
    ) -> AgentProcess:
        """An agent that is yet to be entered; the same name again is the same host again."""
        first = random.randrange(10_000, 30_000, 10)
        return AgentProcess(
            *map(str, workers),
            "--agent",
            name,
            "--control",
            control or self.control.address,
            "--peer-listen",
            f"127.0.0.1:{first}-{first + 99}",
            "--insecure",
            *flags,
            directory=self.directory / name,
        )

    def begin_meshctl(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A `meshctl` that runs meanwhile. The caller waits for it."""
        return subprocess.Popen(
            [command_path("meshctl"), *arguments],
            env={**os.environ, "MESH_CONTROL": self.control.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def meshctl(self, *arguments: str, code: int = 0) -> str:
        """What `meshctl` prints. Fails unless it ends with `code`."""
        result = subprocess.run(
            [command_path("meshctl"), *arguments],
            env={**os.environ, "MESH_CONTROL": self.control.address},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout + result.stderr


def command_path(name: str) -> str:
    """An installed command of this project."""
    return str(Path(sys.executable).with_name(name))


def wait_for(condition: Callable[[], bool], seconds: float) -> float:
    """Wait until `condition` holds. Returns the seconds that it took; fails after `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began
