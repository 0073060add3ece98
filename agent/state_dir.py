"""The agent's state directory, which belongs to one agent at a time."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from mesh.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

LOCK_NAME = "agent.lock"


class StateDirectory:
    """Holds the directory while the agent runs. The lock ends with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Raises: StartError where the directory cannot be used, or is held (with the pid)."""
        lock = self.path / LOCK_NAME
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            wrong = "not a directory" if isinstance(error, FileExistsError) else "not writable"
            raise StartError(
                f"{self.path}: the state directory is {wrong} ({error.strerror}); "
                "give another one with --state-dir or MESH_STATE_DIR"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            self._close()
            raise StartError(
                f"{self.path}: the state directory is held by another agent "
                f"(pid {holder or 'unknown'}); stop it, or give this one its own --state-dir"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
