"""Finds and loads the modules of one worker, so that they run with the worker's own builtins.

It does not decide which names are a worker's; `agent.namespace` does. Extension modules,
directories without `__init__.py` and `.pyc` files without source keep Python's own loaders, and
with them the process's builtins.
"""

import time
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import ReadableBuffer

_FRESH_SECONDS = 2.0


class WorkerLoader(SourceFileLoader):
    """A source file whose names, `__import__` first of all, come from the worker's builtins."""

    def __init__(self, fullname: str, path: str, builtins: dict[str, object]) -> None:
        super().__init__(fullname, path)
        self._builtins = builtins

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the empty module, its builtins in place before its first line runs.

        Here and not in `exec_module`: a frame of ours in there would keep the importlib frames,
        which Python otherwise hides, in the traceback of every failed import.
        """
        module = ModuleType(spec.name)
        module.__dict__["__builtins__"] = self._builtins
        return module

    def compiled(self) -> CodeType:
        """Compile the file without running it. Raises: SyntaxError, OSError."""
        return self.source_to_code(self.get_data(self.path), self.path)

    def set_data(self, path: str, data: "ReadableBuffer", *, _mode: int = 0o666) -> None:
        """Write the bytecode cache, unless the source was edited just now.

        A cache file is matched to its source by size and whole seconds of the modification time:
        the next generation of a file that is edited twice in a second would run the old code.
        """
        age_seconds = time.time() - Path(self.path).stat().st_mtime  # noqa: TID251 - a file's age
        if age_seconds > _FRESH_SECONDS:
            super().set_data(path, data, _mode=_mode)


class DirectoryLoader(WorkerLoader):
    """A worker's directory without `__init__.py`, which is taken as an empty one.

    Not a PEP 420 namespace package: `importlib.resources` reads only those that Python's own
    path search has found below another package.
    """

    def get_data(self, path: str) -> bytes:
        """Read a file; the missing `__init__.py` is empty."""
        return b"" if path == self.path else super().get_data(path)


def directory_spec(package: str, directory: Path, builtins: dict[str, object]) -> ModuleSpec:
    """Describe the package that a worker's directory is."""
    init = directory / "__init__.py"
    loader: WorkerLoader
    if init.is_file():
        loader, origin = WorkerLoader(package, str(init), builtins), init
    else:
        loader, origin = DirectoryLoader(package, str(init), builtins), directory
    spec = ModuleSpec(package, loader, origin=str(origin), is_package=True)
    spec.submodule_search_locations = [str(directory)]
    spec.has_location = origin is init
    return spec


def module_spec(
    fullname: str, path: "Sequence[str] | None", builtins: dict[str, object]
) -> ModuleSpec | None:
    """Describe the module that Python's own search finds on its parent's path, if any."""
    spec = PathFinder.find_spec(fullname, path)
    if spec is not None and isinstance(spec.loader, SourceFileLoader):
        spec.loader = WorkerLoader(fullname, spec.loader.path, builtins)
    return spec


def file_spec(fullname: str, file: Path, builtins: dict[str, object]) -> ModuleSpec | None:
    """Describe a module that is this file, whatever else in its directory has its name."""
    return spec_from_file_location(
        fullname, file, loader=WorkerLoader(fullname, str(file), builtins)
    )
