"""From arguments to files: which wrangler files and scripts to read, and which mesh.toml.

An argument is a worker's directory, a script, or a mesh directory that stands for its workers.
Nothing is parsed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mesh.config.files import is_directory, is_file, join
from mesh.config.mesh_file import MESH_TOML
from mesh.config.problems import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from mesh.config.mesh_file import MeshFile
    from mesh.config.problems import Problems

_WRANGLER_FILES: Final = ("wrangler.toml", "wrangler.jsonc", "wrangler.json")


@dataclass(frozen=True, slots=True)
class Place:
    """A path and the environment that its workers are to run in."""

    path: Path
    environment: str | None

    @classmethod
    def parse(cls, text: str, base: Path, environment: str | None) -> Place:
        """Read `PATH` or `PATH@ENV`; a path that is there with its `@` is taken literally."""
        literal = join(base, text)
        path, at, own = text.rpartition("@")
        if not at or is_file(literal) or is_directory(literal):
            return cls(literal, environment)
        return cls(join(base, path), own)


def find_mesh_file(places: Iterable[Place], problems: Problems) -> Path | None:
    """The mesh.toml in a mesh directory, or beside a worker; an error if there are two."""
    candidates = (_mesh_file_for(place.path) for place in places)
    found = list(dict.fromkeys(path for path in candidates if path is not None))
    if len(found) > 1:
        problems.error(
            MESH_TOML,
            f"the arguments belong to several meshes: {listing(map(problems.show, found))}",
            "name the one to use with --config, or start the meshes apart",
        )
    return found[0] if found else None


def find_workers(
    places: Sequence[Place], mesh_file: MeshFile, problems: Problems
) -> Iterator[Place | None]:
    """The wrangler file or script of each worker that the places stand for, in their order.

    `None` stands for a place without a worker, which is noted.
    """
    for place in places:
        if _is_mesh_directory(place.path):
            yield from _members(place, mesh_file, problems)
        else:
            yield _single(place, problems)


def neighbours(mesh_file: MeshFile) -> Iterator[Path]:
    """The wrangler files and scripts of every worker that lives in the mesh of a mesh.toml.

    Without a list that is what stands beside it, scripts included.
    """
    if mesh_file.path is None:
        return
    base = mesh_file.path.parent
    if mesh_file.workers is None:
        for directory in (base, *_worker_directories(base)):
            yield from _wrangler_files(directory)
        yield from (path for path in _entries(base) if path.suffix == ".py")
        return
    for text in mesh_file.workers:
        path = Place.parse(text, base, None).path
        yield from (path,) if is_file(path) else _wrangler_files(path)


def _mesh_file_for(path: Path) -> Path | None:
    own, beside = path / MESH_TOML, path.parent / MESH_TOML
    if is_file(own):
        return own
    is_worker = is_file(path) or _wrangler_files(path)
    return beside if is_worker and is_file(beside) else None


def _is_mesh_directory(path: Path) -> bool:
    return is_directory(path) and (is_file(path / MESH_TOML) or not _wrangler_files(path))


def _members(place: Place, mesh_file: MeshFile, problems: Problems) -> Iterator[Place | None]:
    """The workers of a mesh directory: those its mesh.toml lists, else itself, else those in it."""
    if mesh_file.path is not None and mesh_file.workers is not None:
        if not mesh_file.workers:
            where = f"{problems.show(mesh_file.path)}: workers"
            problems.error(where, "lists no worker", "name one, or remove the key")
        for text in mesh_file.workers:
            member = Place.parse(text, mesh_file.path.parent, place.environment)
            yield _single(member, problems)
        return
    below = [] if _wrangler_files(place.path) else _worker_directories(place.path)
    for directory in below or (place.path,):
        yield _single(Place(directory, place.environment), problems)


def _single(place: Place, problems: Problems) -> Place | None:
    """The file of one worker's directory or script; `None`, and an error, if it is neither."""
    path = place.path
    if is_directory(path):
        return _wrangler_file(place, problems)
    if not is_file(path):
        problems.error(f"{path}", "there is no such file or directory", "check the path")
        return None
    if path.suffix != ".py":
        problems.error(
            path, "is neither a worker's directory nor a .py script", "name the directory it is in"
        )
        return None
    return place


def _wrangler_file(place: Place, problems: Problems) -> Place | None:
    files = _wrangler_files(place.path)
    if len(files) == 1:
        return Place(files[0], place.environment)
    if files:
        names = listing(file.name for file in files)
        problems.error(place.path, f"has several wrangler files: {names}", "keep one of them")
    else:
        problems.error(
            f"{place.path}",
            "no wrangler.toml, here or in a subdirectory",
            "add a wrangler.toml, or name a worker's directory, a mesh directory or a .py script",
        )
    return None


def _wrangler_files(directory: Path) -> list[Path]:
    return [directory / name for name in _WRANGLER_FILES if is_file(directory / name)]


def _worker_directories(directory: Path) -> list[Path]:
    """The subdirectories with a wrangler file, sorted by name."""
    return [path for path in _entries(directory) if _wrangler_files(path)]


def _entries(directory: Path) -> list[Path]:
    """What is in a directory and not hidden, sorted by name; nothing if it cannot be listed."""
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError:
        return []
