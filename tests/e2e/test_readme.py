"""The README's walk over several hosts, typed in as it stands there."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.agent_process import READY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
WALK = (ROOT / "README.md").read_text().split("## Several hosts")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```console\n(.*?)```", WALK, flags=re.DOTALL)


def free_ports() -> dict[str, str]:
    """Free ports of this machine in place of those that the README writes."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    control, edge, peer = (str(bound.getsockname()[1]) for bound in sockets)
    for bound in sockets:
        bound.close()
    return {"7443": control, "8787": edge, "9500-9509": f"{peer}-{peer}"}


class Reader:
    """Types the README's commands in a directory that looks like the repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = free_ports()
        shutil.copytree(ROOT / "examples", folder / "examples")
        auth = folder / "examples/auth-gateway/auth"
        shutil.copy(auth / ".dev.vars.example", auth / ".dev.vars")
        binaries = Path(sys.executable).parent
        self.environ = {
            **os.environ,
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "MESH_EDGE_LISTEN": f"127.0.0.1:{self._ports['8787']}",  # else it is the default
        }

    def typed(self, text: str) -> str:
        """`text` with this machine's ports, and a state directory of this test."""
        for port, free in self._ports.items():
            text = text.replace(port, free)
        return text.replace("/tmp/mesh", str(self._folder / "state"))

    @contextmanager
    def running(self, block: str) -> Iterator[None]:
        """Start the block's command; its first line must be the one that the block shows."""
        command, _, shown = block.replace("\\\n", " ").partition("\n")
        arguments = shlex.split(self.typed(command.removeprefix("$ ")))
        process = subprocess.Popen(
            arguments,
            cwd=self._folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
            assert ready, command
            printed = process.stdout.readline().decode()
            assert without_names(printed) == without_names(self.typed(shown)), command
            yield
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(READY_SECONDS) == 0
            process.stdout.close()

    def prints(self, command: str) -> str:
        """What a command prints; a comment behind it is part of the command, as in a shell."""
        result = subprocess.run(
            ["bash", "-c", self.typed(command)],
            cwd=self._folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=True,
        )
        return result.stdout

    def statuses(self) -> Mapping[str, int]:
        """What the gateway answers with the right token, and without."""
        curl = "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8787/"
        return {
            "token": int(self.prints(f"{curl} -H 'x-custom-token: let-me-in'")),
            "none": int(self.prints(curl)),
        }


def without_names(text: str) -> str:
    """`text` without what is made up at every start, and without digests."""
    return re.sub(r"mesh-[0-9a-f]{6}|\b[0-9a-f]{12}\b", "NAME", text).strip()


def test_walk_over_several_hosts(tmp_path: Path) -> None:
    """Every command does what the README says, and prints what it shows."""
    reader = Reader(tmp_path)
    *long_running, last = BLOCKS
    export, *commands = re.split(r"^\$ ", last, flags=re.MULTILINE)[1:]
    name, _, value = reader.typed(export.removeprefix("export ")).strip().partition("=")
    reader.environ[name] = value
    expected = {"unbind": {"token": 500, "none": 500}, "AUTH=application": {"token": 200}}
    with ExitStack() as stack:
        for block in long_running:
            stack.enter_context(reader.running(block))
        assert reader.statuses() == {"token": 200, "none": 403}
        for entry in commands:
            command, _, shown = entry.partition("\n")
            assert without_names(reader.prints(command)) == without_names(shown), command
            statuses = next((s for word, s in expected.items() if word in command), None)
            if statuses is not None:
                assert reader.statuses().items() >= statuses.items(), command
        assert reader.statuses() == {"token": 200, "none": 403}
