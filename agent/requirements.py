"""What the workers of a group declare to need, against what the group's Python has.

Site-packages are per process: where two workers of a group want different versions of a package,
one of them cannot be served. Dependencies stand in a `pyproject.toml` beside the wrangler file, as
for Cloudflare's `pywrangler`. Nothing is installed here.

Source: PEP 508, PEP 621.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mesh.config.files import read_table
from mesh.config.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CLOUDFLARE_ONLY = frozenset({"workers-py", "workers-runtime-sdk", "pyodide-py", "webtypy"})
"""Tools for Cloudflare's runtime, in whose place this package stands."""


def check_requirements(projects: Iterable[Path]) -> None:
    """Check the dependencies in these `pyproject.toml` files against this Python.

    Raises: ConfigError with every one that is not met.
    """
    problems = Problems(Path.cwd())
    wanted: dict[str, list[tuple[Path, Requirement]]] = {}
    for path in projects:
        for requirement in _requirements(path, problems):
            wanted.setdefault(canonicalize_name(requirement.name), []).append((path, requirement))
    for name, requirements in wanted.items():
        installed = _installed(name)
        for path, requirement in requirements:
            if installed is None:
                problems.error(
                    path,
                    f"dependency {requirement} is not installed",
                    "install it for the Python that runs the agent",
                )
            elif not requirement.specifier.contains(installed, prereleases=True):
                others = [str(other) for other, _ in requirements if other != path]
                problems.error(
                    path,
                    f"dependency {requirement} does not fit {name} {installed}, which is installed"
                    + (f" and shared with {', '.join(others)}" if others else ""),
                    "a group has one version of each package: install one that fits, "
                    "or use another group, on an agent with its own Python",
                )
    problems.raise_errors()


def _requirements(path: Path, problems: Problems) -> Iterator[Requirement]:
    project = (read_table(path, problems) or {}).get("project", {})
    texts = project.get("dependencies", []) if isinstance(project, dict) else None
    if not isinstance(texts, list):
        problems.error(path, "project.dependencies is not a list", "write it as PEP 621 says")
        return
    for text in texts:
        try:
            requirement = Requirement(str(text))
        except InvalidRequirement as error:
            problems.error(path, f"dependency {text!r}: {error}", "write it as PEP 508 says")
            continue
        applies = requirement.marker is None or requirement.marker.evaluate()
        if applies and canonicalize_name(requirement.name) not in CLOUDFLARE_ONLY:
            yield requirement


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
