"""Loads a whole mesh: from arguments, files, variables and flags to one value or every problem.

Reads only the files that the arguments lead to, and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh.config.bindings import warn_of_unreachable
from mesh.config.discovery import Place, find_mesh_file, find_workers, neighbours
from mesh.config.files import join
from mesh.config.mesh_file import MESH_TOML, read_mesh_file
from mesh.config.model import EdgeConfig, MeshConfig, WorkerConfig
from mesh.config.overrides import Given, Overrides
from mesh.config.placement import Roster, place_at_edge, place_in_groups
from mesh.config.problems import Problems
from mesh.config.script import read_script
from mesh.config.wrangler import declared_names, read_wrangler

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mesh.config.mesh_file import MeshFile
    from mesh.config.worker_id import WorkerId
    from mesh.errors import Problem


@dataclass(frozen=True, slots=True)
class LoadedMesh:
    """A configuration that can be used, and what its author should know about it."""

    config: MeshConfig
    """What to run."""

    warnings: tuple[Problem, ...]
    """In the order in which they were found."""


def load_mesh(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    overrides: Overrides,
    hostname: str = "localhost",
) -> LoadedMesh:
    """Load the workers that the arguments name; none names the current directory.

    `cwd` is absolute; relative paths of arguments, flags and variables are seen from there.
    `hostname` is what the agent is called if nothing else says.

    Raises:
        ConfigError: every problem of every file, flag and variable at once.
    """
    problems = Problems(cwd)
    given = Given(overrides=overrides, environ=environ, cwd=cwd, hostname=hostname)
    places = [Place.parse(text, cwd, given.environment()) for text in arguments or (".",)]
    mesh_file = _read_mesh_file(places, given, problems)
    read = [_read_worker(place, problems) for place in find_workers(places, mesh_file, problems)]
    workers = _unique((worker for worker in read if worker is not None), problems)
    roster = Roster(
        here=tuple(worker.id for worker in workers),
        elsewhere=_names_beside(mesh_file, cwd),
        is_complete=bool(workers) and None not in read,
    )
    config = _arrange(workers, roster, mesh_file, given, problems)
    problems.raise_errors()
    warn_of_unreachable(config, problems)
    return LoadedMesh(config, problems.warnings)


def _read_mesh_file(places: Sequence[Place], given: Given, problems: Problems) -> MeshFile:
    explicit = given.overrides.config
    path = find_mesh_file(places, problems) if explicit is None else join(given.cwd, explicit)
    return read_mesh_file(path, problems)


def _read_worker(place: Place | None, problems: Problems) -> WorkerConfig | None:
    if place is None:
        return None
    read = read_script if place.path.suffix == ".py" else read_wrangler
    return read(place.path, place.environment, problems)


def _unique(workers: Iterable[WorkerConfig], problems: Problems) -> tuple[WorkerConfig, ...]:
    """The workers by identity; an error for each that comes twice."""
    by_id: dict[WorkerId, WorkerConfig] = {}
    for worker in workers:
        first = by_id.setdefault(worker.id, worker)
        if first is not worker:
            problems.error(
                worker.source,
                f"worker `{worker.id}` is also declared in {problems.show(first.source)}",
                "name each worker once, or give one of them another name",
            )
    return tuple(by_id.values())


def _names_beside(mesh_file: MeshFile, cwd: Path) -> frozenset[str]:
    """What a mesh.toml may name although it does not run: its mesh's other workers.

    They may be broken without harm to those that run, so their problems are dropped.
    """
    if not (mesh_file.groups or mesh_file.edge_workers):
        return frozenset()
    ignored = Problems(cwd)
    return frozenset(
        name
        for path in neighbours(mesh_file)
        for name in (
            (path.stem.lower(),) if path.suffix == ".py" else declared_names(path, ignored)
        )
    )


def _arrange(
    workers: tuple[WorkerConfig, ...],
    roster: Roster,
    mesh_file: MeshFile,
    given: Given,
    problems: Problems,
) -> MeshConfig:
    where = problems.show(mesh_file.path) if mesh_file.path else MESH_TOML
    groups = place_in_groups(mesh_file.groups, roster, where, problems)
    named = [
        worker
        for place, names, must_run in (
            (f"{where}: edge.workers", mesh_file.edge_workers, False),
            ("--edge", given.overrides.edge_workers, True),
        )
        for name in names
        for worker in roster.find(name, place, problems, must_run=must_run)
    ]
    edge = EdgeConfig(workers=place_at_edge(workers, named, groups, where, problems))
    listen = given.listen(mesh_file, problems)
    return MeshConfig(
        workers=workers,
        groups=groups,
        edge=edge if listen is None else replace(edge, host=listen[0], port=listen[1]),
        limits=mesh_file.limits,
        agent=given.agent(mesh_file, problems),
        state_dir=given.state_dir(mesh_file, problems),
    )
