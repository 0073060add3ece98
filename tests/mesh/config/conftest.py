"""Real configuration files in a temporary directory, and short ways to load them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mesh.config import LoadedMesh, Overrides, WorkerConfig, load_mesh
from mesh.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENVIRON = {"HOME": "/home/someone"}


@dataclass(frozen=True)
class Files:
    """A directory to write a mesh into and load it from."""

    root: Path

    def write(self, path: str, text: str | bytes = "") -> Path:
        """Write a file, with the directories that it needs."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def worker(self, name: str, more: str = "", *, directory: str | None = None) -> Path:
        """Write a worker that is right as it is, with `more` TOML in its wrangler.toml."""
        folder = directory or name
        self.write(f"{folder}/entry.py")
        text = f'name = "{name}"\nmain = "entry.py"\n{more}\n'
        return self.write(f"{folder}/wrangler.toml", text)

    def load(
        self, *arguments: str, environ: Mapping[str, str] = ENVIRON, **overrides
    ) -> LoadedMesh:
        """Load as a command would that was started in the directory."""
        return load_mesh(
            arguments, environ=environ, cwd=self.root, overrides=Overrides(**overrides)
        )

    def one(self, *arguments: str, **overrides) -> WorkerConfig:
        """The only worker of a mesh."""
        (worker,) = self.load(*arguments, **overrides).config.workers
        return worker

    def names(self, *arguments: str, **overrides) -> list[str]:
        """The ids of the workers."""
        return [str(worker.id) for worker in self.load(*arguments, **overrides).config.workers]

    def errors(self, *arguments: str, **options) -> list[str]:
        """Every problem of a mesh that cannot be used, without the fixes."""
        with pytest.raises(ConfigError) as caught:
            self.load(*arguments, **options)
        return [f"{problem.where}: {problem.reason}" for problem in caught.value.problems]

    def error(self, *arguments: str, **options) -> str:
        """The only problem of a mesh that cannot be used."""
        (error,) = self.errors(*arguments, **options)
        return error

    def warnings(self, *arguments: str, **options) -> list[str]:
        """Every warning of a mesh that can be used, without the fixes."""
        loaded = self.load(*arguments, **options)
        return [f"{problem.where}: {problem.reason}" for problem in loaded.warnings]

    def warning(self, *arguments: str, **options) -> str:
        """The only warning of a mesh that can be used."""
        (warning,) = self.warnings(*arguments, **options)
        return warning


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An empty directory for a mesh."""
    return Files(tmp_path)
