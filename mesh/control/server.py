"""A control plane that others can reach: `async with ControlPlane(directory) as plane`.

It always serves on a Unix socket in its state directory, which is how the agent of the same host
uses it, and on a TCP address if it is given one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Self

from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped]

from mesh.control.admin_service import AdminService
from mesh.control.control_service import ControlService
from mesh.control.plane import Plane
from mesh.control.store import Store
from mesh.errors import StartError
from mesh.state_dir import StateDirectory
from mesh.transport.channels import ADMIN_LIMIT_BYTES, new_server
from mesh.transport.channels import listen as listen_on
from mesh.v1 import admin_pb2, control_pb2
from mesh.v1.admin_pb2_grpc import add_AdminServicer_to_server
from mesh.v1.control_pb2_grpc import add_ControlServicer_to_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from grpc import aio

logger = logging.getLogger(__name__)

SOCKET_NAME: Final = "control.sock"
LOCK_NAME: Final = "control.lock"
DATABASE_NAME: Final = "control.db"

SOCKET_PATH_LIMIT_BYTES: Final = 107
"""What fits into a `sockaddr_un`. Source: unix(7)."""

STOP_SECONDS: Final = 1.0
"""How long answers on their way may take at the end; sessions end before."""


class ControlPlane:
    """The control plane of one mesh, while it is entered."""

    def __init__(
        self, state_dir: Path, *, listen: tuple[str, int] | None = None, insecure: bool = False
    ) -> None:
        """`listen` is a TCP host and port; `insecure` allows it to be plaintext."""
        self._state_dir = state_dir.absolute()
        self._listen = listen
        self._insecure = insecure
        self._stack = AsyncExitStack()
        self._plane: Plane
        self.addresses: list[str] = []
        """Where it serves, as gRPC writes addresses; the Unix socket first."""

    @property
    def mesh(self) -> str:
        """The mesh's name."""
        return self._plane.state.stored.mesh

    async def __aenter__(self) -> Self:
        """Raises: StartError; then nothing is left behind."""
        async with AsyncExitStack() as stack:
            if self._listen is not None and not self._insecure:
                raise StartError(
                    "--listen: this version has no identities yet, so agents on other hosts "
                    "cannot be told apart; --insecure serves them in plaintext"
                )
            socket_path = _socket_path(self._state_dir)
            stack.enter_context(
                StateDirectory(self._state_dir, lock=LOCK_NAME, holder="control plane")
            )
            store = stack.enter_context(Store(self._state_dir / DATABASE_NAME))
            clock = asyncio.get_running_loop().time
            self._plane = Plane(store, clock)
            server = _new_control_server(self._plane, clock)
            stack.callback(socket_path.unlink, missing_ok=True)
            stack.push_async_callback(server.stop, STOP_SECONDS)
            self.addresses = [_listen_on_socket(server, socket_path), *self._listen_on_tcp(server)]
            tasks = await asyncio.TaskGroup().__aenter__()
            # What the body raises is not told to the group, which would wrap it into another one.
            stack.push_async_callback(tasks.__aexit__, None, None, None)
            stack.callback(tasks.create_task(self._plane.keep_time()).cancel)
            await server.start()
            stack.callback(self._plane.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    def _listen_on_tcp(self, server: aio.Server) -> list[str]:
        if self._listen is None:
            return []
        host, port = self._listen
        shown = f"[{host}]" if ":" in host else host
        port = listen_on(server, f"{shown}:{port}")
        logger.warning(
            "control.insecure",
            extra={
                "address": f"{shown}:{port}",
                "meaning": "plaintext without identities: whoever reaches it rules the mesh",
            },
        )
        return [f"{shown}:{port}"]


def _new_control_server(plane: Plane, clock: Callable[[], float]) -> aio.Server:
    server = new_server(ADMIN_LIMIT_BYTES)
    add_ControlServicer_to_server(ControlService(plane), server)
    software = version("workermesh")
    add_AdminServicer_to_server(AdminService(plane, clock, software), server)
    services = [
        file.DESCRIPTOR.services_by_name[name].full_name
        for file, name in ((admin_pb2, "Admin"), (control_pb2, "Control"))
    ]
    reflection.enable_server_reflection([*services, reflection.SERVICE_NAME], server)
    return server


def _socket_path(directory: Path) -> Path:
    """Raises: StartError, if a Unix socket cannot have that path."""
    path = directory / SOCKET_NAME
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_LIMIT_BYTES:
        raise StartError(
            f"{path}: the path of a Unix socket may have {SOCKET_PATH_LIMIT_BYTES} bytes, this one "
            f"has {length}; give a shorter directory with --state-dir"
        )
    return path


def _listen_on_socket(server: aio.Server, path: Path) -> str:
    """Only the process's own user can open it, from its first moment on.

    One that a killed process left is in the way; whoever calls this has the lock.
    """
    path.unlink(missing_ok=True)
    address = f"unix:{path}"
    old = os.umask(0o177)
    try:
        listen_on(server, address)
    finally:
        os.umask(old)
    return address
