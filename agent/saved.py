"""What an agent keeps in its state directory: its identity, and the last snapshot of the mesh.

The snapshot is written whole beside the old one, which it then replaces, so that a crash at any
moment leaves one of the two. It begins with a checksum; a file that fails it counts as missing.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import uuid
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from mesh.errors import StartError
from mesh.v1.control_pb2 import SavedSnapshot

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_IDENTITY = "agent.id"
_SNAPSHOT = "snapshot.bin"
_IS_IDENTITY = re.compile("[0-9a-f]{32}")
_DIGEST_BYTES = hashlib.sha256().digest_size


def agent_id(directory: Path) -> str:
    """The identity of the agent of this state directory, made up at its first start.

    Raises: StartError.
    """
    path = directory / _IDENTITY
    try:
        if not path.exists():
            _replace(path, uuid.uuid4().hex.encode())
        identity = path.read_bytes().decode("ascii", "replace").strip()
    except OSError as error:
        raise _unusable(path, error) from error
    if not _IS_IDENTITY.fullmatch(identity):
        raise StartError(
            f"{path}: damaged; delete it, and this agent is a new one to its control plane"
        )
    return identity


def read_snapshot(directory: Path) -> SavedSnapshot | None:
    """The last snapshot, None where there is none that can be used. Raises: StartError."""
    path = directory / _SNAPSHOT
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error
    digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    try:
        if hashlib.sha256(data).digest() == digest:
            return SavedSnapshot.FromString(data)
    except DecodeError:
        pass  # not of this version: as bad as a wrong checksum
    logger.error("snapshot.damaged", extra={"path": path})
    return None


def write_snapshot(directory: Path, saved: SavedSnapshot) -> None:
    """Keep `saved`; it is on the disk when this returns. Raises: OSError."""
    data = saved.SerializeToString()
    _replace(directory / _SNAPSHOT, hashlib.sha256(data).digest() + data)


def _unusable(path: Path, error: OSError) -> StartError:
    return StartError(
        f"{path}: cannot be used ({error.strerror}); mend that, or give another directory with "
        "--state-dir or MESH_STATE_DIR"
    )


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
