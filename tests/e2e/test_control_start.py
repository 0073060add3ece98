"""`mesh-control start` as people start it: its lines, its signals, its exit codes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mesh.v1.admin_pb2 import GetStatusRequest
from tests.support.control_client import administrator, join, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("mesh-control"))

READY = re.compile(r"ready: control plane of (mesh-[0-9a-f]{6}) at (127\.0\.0\.1:[0-9]+)\n")


@contextmanager
def control(directory: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A running control plane: its process, its mesh, its TCP address."""
    command = [COMMAND, "start", "--listen", "127.0.0.1:0", "--insecure", *arguments]
    with subprocess.Popen(
        command,
        env=environment(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready = READY.fullmatch(process.stdout.readline())
            assert ready is not None
            yield process, ready[1], ready[2]
        finally:
            process.kill()
            process.communicate()


def environment(directory: Path) -> dict[str, str]:
    left = {k: v for k, v in os.environ.items() if not k.startswith(("MESH_", "XDG_"))}
    return {**left, "XDG_STATE_HOME": str(directory)}


def failed_start(directory: Path, *arguments: str) -> str:
    """Standard error of a start that ends with exit code 2."""
    result = subprocess.run(
        [COMMAND, "start", *arguments],
        env=environment(directory),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_ready_signals_and_restart(tmp_path: Path) -> None:
    """One ready line; SIGTERM and SIGINT end it with 0, also with an agent; the mesh stays."""

    async def main(address: str, process: subprocess.Popen[str], number: int) -> str:
        async with administrator(address) as admin, joined(address, join("a", "auth")) as agent:
            status = await admin.GetStatus(GetStatusRequest())
            process.send_signal(number)
            await agent.has_ended.wait()
            return status.mesh

    meshes = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        with control(tmp_path) as (process, mesh, address):
            assert asyncio.run(main(address, process, number)) == mesh
            assert process.wait(timeout=10) == 0
            assert process.stderr is not None
            assert "control.insecure" in process.stderr.read()
            meshes.add(mesh)
    assert len(meshes) == 1
    assert (tmp_path / "workermesh" / "control" / "control.db").exists()


def test_killed_and_started_again(tmp_path: Path) -> None:
    """Neither the lock nor the socket of a killed process is in the way."""
    for _ in range(2):
        with control(tmp_path) as (process, _mesh, _address):
            process.kill()


def test_second_one_on_the_same_directory(tmp_path: Path) -> None:
    """Refused with the first one's pid."""
    with control(tmp_path) as (process, _mesh, _address):
        text = failed_start(tmp_path, "--listen", "127.0.0.1:0", "--insecure")
        assert f"held by another control plane (pid {process.pid})" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "--insecure"),
        (("--listen", "nonsense", "--insecure"), "`nonsense` is not HOST:PORT"),
        (("--state-dir", "/dev/null", "--insecure"), "not a directory"),
        (("--state-dir", "/nowhere/" + "x" * 120, "--insecure"), "107 bytes"),
    ],
)
def test_start_that_is_refused(arguments: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    """What is wrong, and what to do."""
    assert expected in failed_start(tmp_path, *arguments)


def test_port_taken(tmp_path: Path) -> None:
    """The address is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = failed_start(tmp_path, "--listen", address, "--insecure")
    assert f"{address}: cannot listen there" in text
