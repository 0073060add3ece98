"""What this host's workers are, as the control plane is told: declared bindings, names, digests."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import msgspec

from mesh.errors import ConfigError, Problem
from mesh.v1 import control_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mesh.config import MeshConfig, ServiceConfig, WorkerConfig

_NOT_CONTENT = frozenset({"__pycache__", "node_modules"})
"""Directories that say nothing about what a worker does."""


def manifests(config: MeshConfig) -> list[control_pb2.WorkerManifest]:
    """One manifest for each worker of this host. Reads the workers' files. Raises: ConfigError."""
    try:
        return [_manifest(config, worker) for worker in config.workers]
    except OSError as error:
        problem = Problem(
            where=str(error.filename),
            reason=f"cannot be read ({error.strerror})",
            fix="every file of a worker's directory that is not hidden must be readable",
        )
        raise ConfigError([problem]) from error


def _manifest(config: MeshConfig, worker: WorkerConfig) -> control_pb2.WorkerManifest:
    return control_pb2.WorkerManifest(
        worker=str(worker.id),
        digest=content_digest(worker),
        group=config.group_of(worker.id).name,
        bindings=[
            control_pb2.DeclaredBinding(name=service.binding, target=_target(service))
            for service in worker.services
        ],
        names=sorted({*worker.vars, *worker.secrets}),
        routes=[route.pattern for route in worker.routes],
        edge=worker.id in config.edge.workers,
    )


def _target(service: ServiceConfig) -> control_pb2.Target:
    return control_pb2.Target(
        service=service.service,
        environment=service.environment or "",
        entrypoint=service.entrypoint or "",
        props_json=msgspec.json.encode(dict(service.props)),
    )


def content_digest(worker: WorkerConfig) -> str:
    """SHA-256 of the names and contents of a worker's files, hexadecimal.

    Hidden files, which may hold secrets, and caches do not count. A bare script is its one file.
    """
    total = hashlib.sha256()
    files = [worker.main] if worker.source == worker.main else _files(worker.directory)
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(os.fsencode(path.relative_to(worker.directory)))
        total.update(f"\0{content}\n".encode())
    return total.hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.name in _NOT_CONTENT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file():
            yield path
