"""A state directory, which belongs to one process of a kind at a time.

Says nothing about what lies in it. An agent and a control plane may share one: each has its lock.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from mesh.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self


class StateDirectory:
    """Holds the directory while it is entered. The lock ends with the process, however it ends."""

    def __init__(self, path: Path, *, lock: str, holder: str) -> None:
        """`lock` is the lock file's name, `holder` what holds it: "agent", "control plane"."""
        self.path = path
        self._lock = lock
        self._holder = holder
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Raises: StartError where the directory cannot be used, or is held (with the pid)."""
        lock = self.path / self._lock
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
            pid = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            self._close()
            raise StartError(
                f"{self.path}: the state directory is held by another {self._holder} "
                f"(pid {pid or 'unknown'}); stop it, or give this one its own --state-dir"
            ) from None
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:  # a full disk: whatever is to be kept here cannot be, either
            self._close()
            raise StartError(
                f"{lock}: cannot be written ({error.strerror}); make room, or give another "
                "directory with --state-dir or MESH_STATE_DIR"
            ) from error
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
