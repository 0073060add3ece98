"""Gives each generation of a worker its own modules, in a process that it shares with others.

A worker's directory is a real package `_w_<name>_<generation>` in `sys.modules`, so two workers
may both have `entry.py`, `models.py` and `utils.py`, and whatever looks a class's module up by
name (dataclasses, pydantic, pickle) finds the right one. Worker code writes `import models` as it
would alone: the `__import__` in its builtins maps its local names onto the package.

What it does not do: it is no sandbox, and site-packages, `sys.path` and the working directory stay
common to the process. `sys.modules["models"]` and `importlib.util.find_spec("models")` know
nothing of a worker's modules. A worker's builtins are a copy: what is put into the process's
`builtins` later (`gettext.install`, `mock.patch("builtins.open")`) does not show in its modules.
"""

import builtins
import importlib
import importlib.util
import os
import re
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from agent.namespace_loader import WorkerLoader, directory_spec, file_spec, module_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CodeType, ModuleType

_PREFIX = "_w_"
_NEVER_LOCAL = frozenset({"workers", "js", "pyodide", "__main__"})
_import_globally = importlib.import_module


class WorkerNamespace:
    """The modules of one generation of one worker. A resource: close it when its calls are over.

    Import and close from one thread; the worker's own imports may come from any.
    """

    def __init__(self, worker: str, main: Path, *, generation: int = 1) -> None:
        self.package = f"{_PREFIX}{_identifier(worker)}_{generation}"
        self.builtins: dict[str, object] = {**vars(builtins), "__import__": self._import}
        self._title = f"generation {generation} of worker {worker!r}"
        self._main = main.absolute()
        self._directory = self._main.parent
        self._owned: dict[str, bool] = {}

    @property
    def main_module(self) -> str:
        """The qualified name of the main module."""
        if self._main.name == "__init__.py":
            return self.package
        # A dot in a file's name would read as a package.
        return f"{self.package}.{self._main.stem.replace('.', '_')}"

    def compile_main(self) -> "CodeType":
        """Compile the main module without running it. Raises: SyntaxError, OSError."""
        return WorkerLoader(self.main_module, str(self._main), self.builtins).compiled()

    def import_main(self) -> "ModuleType":
        """Run the main module, or return it if it has run.

        Whatever the code raises comes out as it is, and then no module of the worker is left.
        Until `close`, no other namespace can have this package name.

        Raises: ValueError if another one has it.
        """
        if _process.loaded.setdefault(self.package, self) is not self:
            raise ValueError(f"{self._title} is loaded already; close it or count up")
        # A file that was written a moment ago is missing in the finders' directory listings.
        importlib.invalidate_caches()
        try:
            # Not import_module, which leaves the frames of importlib in tracebacks.
            builtins.__import__(self.main_module)
            return sys.modules[self.main_module]
        except BaseException as error:
            if isinstance(error, ImportError):
                self._hide_package(error)
            self.close()
            raise

    def owns(self, name: str) -> bool:
        """Whether this top-level name means a module of the worker in the worker's own imports."""
        owned = self._owned.get(name)
        if owned is None:
            owned = self._owned[name] = self._find_owner(name)
        return owned

    def lends(self, name: str) -> bool:
        """Whether it does in library code too: only if the process has nothing of that name."""
        return self.owns(name) and not self._exists_elsewhere(name)

    def public_name(self, qualified: str) -> str:
        """Return a module's or class's name as the worker's author knows it, for messages."""
        return qualified.removeprefix(f"{self.package}.")

    def close(self) -> None:
        """Forget the worker's modules. Functions that still run cannot import them any more."""
        if _process.loaded.get(self.package) is self:
            del _process.loaded[self.package]
            for name in list(sys.modules):
                if name.partition(".")[0] == self.package:
                    sys.modules.pop(name, None)
        self._owned.clear()

    def find_spec(self, fullname: str, path: "Sequence[str] | None") -> ModuleSpec | None:
        """Describe the package itself or a module in it."""
        if fullname == self.package:
            return directory_spec(fullname, self._directory, self.builtins)
        if fullname == self.main_module:
            return file_spec(fullname, self._main, self.builtins)
        return module_spec(fullname, path, self.builtins)

    def import_local(self, name: str) -> "ModuleType":
        """Import a module of the worker by its absolute local name, `pkg.sub`, and return it."""
        try:
            return _import_globally(f"{self.package}.{name}")
        except ImportError as error:
            self._hide_package(error)
            raise

    def _import(
        self,
        name: str,
        globals: "Mapping[str, object] | None" = None,  # noqa: A002 - Python's own signature
        locals: "Mapping[str, object] | None" = None,  # noqa: A002 - Python's own signature
        fromlist: "Sequence[str] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        """`__import__` of this worker's code."""
        top = name.partition(".")[0]
        # C code that imports (strptime, pydantic-core) does it with the builtins of whichever
        # Python function has called it, and always with an empty list: that is library code.
        is_ours = self.lends if fromlist == [] else self.owns
        local = level == 0 and is_ours(top)
        target = f"{self.package}.{name}" if local else name
        try:
            module = builtins.__import__(target, globals, locals, fromlist, level)
        except ImportError as error:
            self._hide_package(error)
            if level == 0 and error.name == top == self._directory.name:
                error.add_note(self._advice(name, fromlist))
            raise
        # Without a fromlist the statement binds the leftmost name, here that of the package.
        return sys.modules[f"{self.package}.{top}"] if local and not fromlist else module

    def _find_owner(self, name: str) -> bool:
        if name in _NEVER_LOCAL or name.startswith(_PREFIX):
            return False
        # Python too looks for these before it looks into any directory.
        if BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name):
            return False
        if f"{self.package}.{name}" == self.main_module:
            return True
        spec = PathFinder.find_spec(name, [str(self._directory)])
        if spec is None:
            return False
        is_bare_directory = spec.loader is None
        return not (is_bare_directory and self._exists_elsewhere(name))

    def _exists_elsewhere(self, name: str) -> bool:
        """Whether the process can import `name` from another place than the worker's directory.

        The directory may well be on `sys.path`: the working directory often is.
        """
        try:
            spec = importlib.util.find_spec(name)
        except ValueError:
            return True  # loaded, by means that leave no spec
        if spec is None:
            return False
        places = list(spec.submodule_search_locations or ())
        if not places and spec.has_location and spec.origin:
            places = [spec.origin]
        here = os.path.realpath(self._directory)
        return not places or any(os.path.realpath(Path(place).parent) != here for place in places)

    def _hide_package(self, error: ImportError) -> None:
        """Word the error as if the worker's modules were top-level ones."""
        if not error.name or error.name.partition(".")[0] != self.package:
            return
        if _process.loaded.get(self.package) is not self:
            error.msg = f"{self._title} is closed: its modules cannot be imported any more"
        else:
            message = str(error).replace(f"'{self.package}.", "'")
            error.msg = message.replace(f"'{self.package}'", "'.'")  # `from . import nosuch`
        error.name = self.public_name(error.name)
        error.args = (error.msg,)

    def _advice(self, name: str, fromlist: "Sequence[str] | None") -> str:
        top, _, rest = name.partition(".")
        statement = f"from {rest} import {', '.join(fromlist)}" if fromlist else f"import {rest}"
        return (
            f"{self._main.name} lies in {top}/, and the directory of the main module is already "
            f"the root of a worker's imports: "
            + (f"write `{statement}`" if rest else f"leave `{top}` out")
        )


class _Process:
    """What the process knows of its namespaces; the one finder for all of them."""

    def __init__(self) -> None:
        self.loaded: dict[str, WorkerNamespace] = {}
        self.current: Callable[[], str | None] = lambda: None

    def find_spec(
        self,
        fullname: str,
        path: "Sequence[str] | None" = None,
        target: object = None,  # noqa: ARG002 - part of the finder protocol
    ) -> ModuleSpec | None:
        """Answer for names below the package of a loaded namespace."""
        namespace = self.loaded.get(fullname.partition(".")[0])
        return None if namespace is None else namespace.find_spec(fullname, path)

    def import_module(self, name: str, package: str | None = None) -> "ModuleType":
        """`importlib.import_module`: local names too, for workers and on behalf of workers."""
        if not name.startswith((".", _PREFIX)):
            top = name.partition(".")[0]
            caller = str(sys._getframe(1).f_globals.get("__name__"))
            namespace = self.loaded.get(caller.partition(".")[0])
            if namespace is not None:
                is_local = namespace.owns(top)
            else:
                namespace = self.loaded.get(self.current() or "")
                is_local = namespace is not None and namespace.lends(top)
            if namespace is not None and is_local:
                return namespace.import_local(name)
        return _import_globally(name, package)


_process = _Process()


def install(current: "Callable[[], str | None]") -> None:
    """Make namespaces importable: call this before the first one. A later call replaces `current`.

    `current` returns the package of the worker on whose behalf the code runs now, or None. It is
    how library code (`mock.patch("models.x")`, `importlib.resources.files("pkg")`) reaches that
    worker's modules, so it should answer while a main module is imported, too.
    """
    _process.current = current
    if _process not in sys.meta_path:
        sys.meta_path.insert(0, _process)
    importlib.import_module = _process.import_module


def _identifier(worker: str) -> str:
    """Spell a worker's name in letters that a module name can have, never two names alike."""
    return re.sub(r"[^A-Za-z0-9]", lambda m: "__" if m[0] == "_" else f"_x{ord(m[0]):x}_", worker)
