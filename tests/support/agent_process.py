"""A real `mesh-agent start`, as a user would run it, and requests to its edge."""

from __future__ import annotations

import http.client
import os
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

READY_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """A whole HTTP response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class AgentProcess:
    """The command with `arguments` in `directory`; it is stopped at the end, come what may."""

    def __init__(
        self,
        *arguments: str,
        directory: Path,
        listen: str = "127.0.0.1:0",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._log = directory / "agent.log"
        command = [str(self.command()), "start", *arguments]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--edge-listen", listen, "--state-dir", str(directory / "state")],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(environ or {})},
                start_new_session=True,
            )
        self.url = ""
        self.stop_seconds = 0.0

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        line = self.process.stdout.readline().decode() if ready else "nothing in time"
        if not line.startswith("ready:"):
            self.__exit__()
            raise AssertionError(f"no ready line, but {line!r}\n{self.log}")
        if found := re.search(r"http://\S+", line):
            self.url = found.group()
        return self

    def __exit__(self, *exc_info: object) -> None:
        cells = self.cells() if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        for pid in cells:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    @staticmethod
    def command() -> Path:
        """The installed `mesh-agent`."""
        return Path(sys.executable).with_name("mesh-agent")

    @property
    def log(self) -> str:
        """What the agent and its cells wrote to standard error so far."""
        return self._log.read_text()

    def rest_of_output(self) -> str:
        """What was printed since the ready line, once the agent has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    @property
    def port(self) -> int:
        """The port of the edge."""
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def cells(self) -> list[int]:
        """The pids of the cells."""
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            found += [int(pid) for pid in (task / "children").read_text().split()]
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal and wait for the end. Returns exit code and seconds taken."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(READY_SECONDS)
        self.stop_seconds = time.monotonic() - began
        return code, self.stop_seconds

    def request(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


def run_agent(*arguments: str, directory: Path) -> tuple[int, str]:
    """A start that is expected to fail. Returns exit code and standard error."""
    directory.mkdir(parents=True, exist_ok=True)
    listen = [] if "--edge-listen" in arguments else ["--edge-listen", "127.0.0.1:0"]
    command = [str(AgentProcess.command()), "start", *arguments, *listen]
    result = subprocess.run(
        [*command, "--state-dir", str(directory / "state")],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    return result.returncode, result.stderr
