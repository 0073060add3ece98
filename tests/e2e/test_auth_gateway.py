"""The example: gateway → auth → application under public HTTP traffic."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.agent_process import AgentProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TOKEN = {"x-custom-token": "let-me-in"}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """The example as `make demo` starts it."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(ROOT / "examples" / "auth-gateway", folder / "mesh")
    shutil.copy(folder / "mesh/auth/.dev.vars.example", folder / "mesh/auth/.dev.vars")
    with AgentProcess("mesh", directory=folder) as process:
        yield process


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_right_token_reaches_the_application(agent: AgentProcess, method: str) -> None:
    """Method, path, query and body arrive intact."""
    body = None if method == "GET" else "körper".encode()
    answer = agent.request("/a/b%20c?x=1&y=2", method=method, headers=TOKEN, body=body)
    assert answer.status == 200
    assert answer.body.decode().splitlines() == [
        "Hello from the application",
        f"method: {method}",
        "path: /a/b%20c",
        "query: x=1&y=2",
        f"body: {'' if body is None else 'körper'}",
    ]
    assert answer.headers["content-type"] == "text/plain;charset=UTF-8"


@pytest.mark.parametrize("headers", [{}, {"x-custom-token": "wrong"}])
def test_without_the_token_it_is_403(agent: AgentProcess, headers: dict[str, str]) -> None:
    """The answer of auth reaches the public; nothing marks it as an error of the mesh."""
    answer = agent.request("/", headers=headers)
    assert answer.status == 403
    assert answer.body == b"x-custom-token does not match, request not allowed"
    assert "x-mesh-error" not in answer.headers


@pytest.mark.parametrize("host", ["auth", "application", "auth.localhost", "application:8787"])
def test_private_workers_have_no_public_address(agent: AgentProcess, host: str) -> None:
    """A request with a private worker's name as Host gets the gateway's answer, not its own."""
    answer = agent.request("/", headers={"host": host, **TOKEN})
    assert answer.body.startswith(b"Hello from the application")
    assert agent.request("/", headers={"host": host}).status == 403


def test_the_edge_is_the_only_listener(agent: AgentProcess) -> None:
    """The agent and its cells listen on the edge's port and on nothing else."""
    pids = [agent.process.pid, *agent.cells()]
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    assert ports == {agent.port}


def test_make_demo(tmp_path: Path) -> None:
    """`make demo` writes .dev.vars from its example, serves, and Ctrl-C ends it in two seconds.

    The environment that `make` would create is given, everything else is a fresh copy.
    """
    clone = tmp_path / "clone"
    shutil.copytree(
        ROOT / "examples", clone / "examples", ignore=shutil.ignore_patterns(".dev.vars")
    )
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    commands = clone / ".venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "mesh-agent").symlink_to(AgentProcess.command())
    (clone / ".venv" / ".installed").touch()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {
        **os.environ,
        "MESH_EDGE_LISTEN": f"127.0.0.1:{port}",
        "MESH_STATE_DIR": str(tmp_path / "state"),
    }
    with subprocess.Popen(
        ["make", "--no-print-directory", "demo"],
        cwd=clone,
        env=environ,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as make:
        assert make.stdout is not None
        line = make.stdout.readline().decode()
        assert line == f"ready: http://127.0.0.1:{port} → gateway\n"
        assert (clone / "examples/auth-gateway/auth/.dev.vars").exists()
        began = time.monotonic()
        os.killpg(make.pid, 2)  # what a terminal does on Ctrl-C
        make.wait(10)
        assert time.monotonic() - began < 2
