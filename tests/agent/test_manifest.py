"""What the control plane is told of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.manifest import manifests
from mesh.config import Overrides, load_mesh
from mesh.errors import ConfigError
from mesh.v1.control_pb2 import Target, WorkerManifest

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path) -> WorkerManifest:
    loaded = load_mesh([str(folder)], environ={"HOME": "/"}, cwd=folder, overrides=Overrides())
    (manifest,) = manifests(loaded.config)
    return manifest


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "entry.py").write_text("")
    (folder / "wrangler.toml").write_text(
        'name = "a"\nmain = "entry.py"\nvars = { V = 1 }\nroutes = ["x.example/*"]\n'
        'services = [{ binding = "B", service = "b", entrypoint = "E", props = { z = 1, a = 2 } }]'
    )
    (folder / ".dev.vars").write_text("S=secret")
    return folder


def test_manifest(worker: Path) -> None:
    """Everything but the values of vars and secrets."""
    manifest = load(worker)
    assert manifest.worker == "a"
    assert manifest.group == "default"
    assert manifest.names == ["S", "V"]
    assert manifest.routes == ["x.example/*"]
    assert manifest.edge
    (binding,) = manifest.bindings
    assert binding.name == "B"
    assert binding.target == Target(service="b", entrypoint="E", props_json=b'{"z":1,"a":2}')
    assert b"secret" not in manifest.SerializeToString()


def test_digest_is_of_names_and_contents(worker: Path) -> None:
    """It changes with any file that counts, and with nothing else."""
    digest = load(worker).digest
    assert len(digest) == 64
    (worker / ".dev.vars").write_text("S=another")
    (worker / "__pycache__").mkdir()
    (worker / "__pycache__" / "x.pyc").write_text("x")
    assert load(worker).digest == digest
    (worker / "data").mkdir()
    (worker / "data" / "file").write_text("x")
    changed = load(worker).digest
    assert changed != digest
    (worker / "data" / "file").rename(worker / "data" / "other")
    assert load(worker).digest not in {digest, changed}


def test_file_that_cannot_be_read_is_a_problem(worker: Path) -> None:
    """It names the file."""
    (worker / "link").symlink_to(worker / "nowhere")
    load(worker)  # a dangling link is no file
    bad = worker / "bad"
    bad.symlink_to("/proc/self/mem")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(worker)
