"""What a control plane leaves on disk and listens on, and what it says if it cannot start."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

import pytest

from mesh.control.server import ControlPlane
from mesh.errors import StartError
from mesh.v1.admin_pb2 import GetStatusRequest
from tests.support.control_client import administrator

if TYPE_CHECKING:
    from pathlib import Path


def start_error(plane: ControlPlane) -> str:
    """Why it does not start."""

    async def main() -> None:
        async with plane:
            raise AssertionError("it has started")

    with pytest.raises(StartError) as caught:
        asyncio.run(main())
    return str(caught.value)


def test_socket_is_for_its_user_alone(tmp_path: Path) -> None:
    """And gone at the end; one left by a killed process is in nobody's way."""
    directory = tmp_path / "state"

    async def main() -> None:
        directory.mkdir()
        (directory / "control.sock").write_text("left over")
        async with ControlPlane(directory) as plane:
            path = directory / "control.sock"
            assert plane.addresses == [f"unix:{path}"]
            assert path.stat().st_mode & 0o777 == 0o600
            async with administrator(plane.addresses[0]) as admin:
                assert (await admin.GetStatus(GetStatusRequest())).mesh == plane.mesh
        assert not path.exists()

    asyncio.run(main())


def test_tcp_beside_the_socket(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Both reach the same mesh; plaintext is a loud warning."""

    async def main() -> None:
        async with ControlPlane(tmp_path, listen=("127.0.0.1", 0), insecure=True) as plane:
            for address in plane.addresses:
                async with administrator(address) as admin:
                    assert (await admin.GetStatus(GetStatusRequest())).mesh == plane.mesh
            assert plane.addresses[1].startswith("127.0.0.1:")
            assert not plane.addresses[1].endswith(":0")

    asyncio.run(main())
    assert "control.insecure" in caplog.text


def test_tcp_without_the_flag(tmp_path: Path) -> None:
    """Refused, also on loopback: it would look protected."""
    text = start_error(ControlPlane(tmp_path, listen=("127.0.0.1", 0)))
    assert "--insecure" in text


def test_port_taken(tmp_path: Path) -> None:
    """Nothing stays behind: the next start on the same directory works."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = start_error(ControlPlane(tmp_path, listen=("127.0.0.1", port), insecure=True))
    assert f"127.0.0.1:{port}: cannot listen there" in text

    async def main() -> None:
        async with ControlPlane(tmp_path):
            pass

    asyncio.run(main())


def test_second_control_plane_on_one_directory(tmp_path: Path) -> None:
    """The text names the pid; the first one goes on."""

    async def main() -> None:
        async with ControlPlane(tmp_path) as plane:
            with pytest.raises(StartError, match=f"another control plane .pid {os.getpid()}"):
                await ControlPlane(tmp_path).__aenter__()
            async with administrator(plane.addresses[0]) as admin:
                await admin.GetStatus(GetStatusRequest())

    asyncio.run(main())


def test_directory_with_a_long_path(tmp_path: Path) -> None:
    """A Unix socket has no room for it; the text says what to do."""
    text = start_error(ControlPlane(tmp_path / ("x" * 100)))
    assert "107 bytes" in text
    assert "--state-dir" in text


def test_error_of_the_body_comes_out_as_it_is(tmp_path: Path) -> None:
    """No group is wrapped around it."""

    async def main() -> None:
        async with ControlPlane(tmp_path):
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        asyncio.run(main())
