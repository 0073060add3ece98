"""Which workers share a process and which ones face the public.

Pure: it works on workers that have been read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.config.model import GroupConfig
from mesh.config.problems import listing, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mesh.config.model import WorkerConfig
    from mesh.config.problems import Problems
    from mesh.config.worker_id import WorkerId

DEFAULT_GROUP = "default"
"""The group of workers that no group names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The workers that run here, and the names of those that a mesh.toml may speak of."""

    here: tuple[WorkerId, ...]
    """In the order of the mesh's workers."""

    elsewhere: frozenset[str]
    """Names of workers that live beside the mesh.toml, whether they were asked for or not."""

    is_complete: bool
    """False: some worker could not be read, so an unknown name is not worth a problem."""

    def named(self, text: str) -> tuple[WorkerId, ...]:
        """The workers that a name means: that one, else each environment of that name."""
        exact = tuple(worker for worker in self.here if text in {str(worker), worker.full_name})
        return exact or tuple(worker for worker in self.here if worker.name == text)

    def find(
        self, text: str, where: str, problems: Problems, *, must_run: bool
    ) -> tuple[WorkerId, ...]:
        """As `named`; a name that means nobody is noted, unless it need not run and is known."""
        found = self.named(text)
        is_excused = not must_run and text in self.elsewhere
        if not found and self.is_complete and not is_excused:
            names = [str(worker) for worker in self.here]
            problems.error(
                where,
                f"no worker `{text}`{suggestion(text, names)}",
                f"the workers here are {listing(names)}",
            )
        return found


def place_in_groups(
    named: Mapping[str, tuple[str, ...]], roster: Roster, where: str, problems: Problems
) -> tuple[GroupConfig, ...]:
    """Every worker in exactly one group; groups without a worker here are left out."""
    group_of: dict[WorkerId, str] = {}
    for group, names in named.items():
        place = f"{where}: groups.{group}.workers"
        for text in names:
            for worker in roster.find(text, place, problems, must_run=False):
                other = group_of.setdefault(worker, group)
                if other != group:
                    problems.error(
                        place,
                        f"`{worker}` is also in group `{other}`",
                        "a worker is in one group only: remove it from one of them",
                    )
    order = dict.fromkeys((*named, DEFAULT_GROUP))
    members = {
        group: tuple(worker for worker in roster.here if _group(worker, group_of) == group)
        for group in order
    }
    return tuple(GroupConfig(name=name, workers=ids) for name, ids in members.items() if ids)


def place_at_edge(
    workers: Sequence[WorkerConfig],
    named: Iterable[WorkerId],
    groups: Sequence[GroupConfig],
    where: str,
    problems: Problems,
) -> tuple[WorkerId, ...]:
    """The workers with routes or workers_dev, and the named ones; they share a group."""
    extra = frozenset(named)
    edge = [
        worker for worker in workers if worker.routes or worker.workers_dev or worker.id in extra
    ]
    _check_patterns(edge, problems)
    ids = tuple(worker.id for worker in edge)
    shared = [group for group in groups if set(group.workers) & set(ids)]
    if len(shared) > 1:
        parts = "; ".join(
            f"group `{group.name}` has {listing(str(i) for i in group.workers if i in ids)}"
            for group in shared
        )
        problems.error(
            f"{where}: groups",
            f"the edge workers are in several groups: {parts}",
            "move them into one group; a listener per group comes with links between cells",
        )
    return ids


def _group(worker: WorkerId, group_of: Mapping[WorkerId, str]) -> str:
    return group_of.get(worker, DEFAULT_GROUP)


def _check_patterns(edge: Iterable[WorkerConfig], problems: Problems) -> None:
    owners: dict[str, WorkerConfig] = {}
    for worker in edge:
        for route in worker.routes:
            owner = owners.setdefault(route.pattern, worker)
            if owner is not worker:
                problems.error(
                    f"{problems.show(worker.source)}: routes",
                    f"`{worker.id}` and `{owner.id}` ({problems.show(owner.source)}) have the "
                    f"same route `{route.pattern}`",
                    "give each its own pattern; an environment inherits routes unless it has some",
                )
