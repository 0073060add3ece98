"""Reads a worker from its wrangler file, in the format of Cloudflare's own tool.

The top of the file and each `[env.NAME]` are levels with the same keys; a worker runs from one
level, which inherits some keys from the top. Every level is checked, whichever one is wanted.
Finding the file is `discovery`'s part, and what workers are to each other that of `placement`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mesh.config.dev_vars import dev_vars_file, read_dev_vars
from mesh.config.files import is_file, join, read_table
from mesh.config.model import RouteConfig, ServiceConfig, WorkerConfig
from mesh.config.problems import listing, suggestion
from mesh.config.routes import read_routes
from mesh.config.section import Section
from mesh.config.services import read_services
from mesh.config.worker_id import ENVIRONMENT, ENVIRONMENT_RULE, NAME, NAME_RULE, WorkerId
from mesh.config.wrangler_keys import IGNORED, SILENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mesh.config.problems import Problems

_INHERITED: Final = ("main", "compatibility_date", "compatibility_flags", "routes", "workers_dev")
_NOT_INHERITED: Final = ("services", "vars", "secrets")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """What the top of a wrangler file, or one of its environments, says; `None`: nothing."""

    section: Section
    name: str | None
    main: Path | None
    compatibility_date: str | None
    compatibility_flags: tuple[str, ...] | None
    routes: tuple[RouteConfig, ...] | None
    workers_dev: bool | None
    vars: Mapping[str, Any] | None  # Any: JSON values
    services: tuple[ServiceConfig, ...] | None
    required_secrets: tuple[str, ...]


def read_wrangler(file: Path, environment: str | None, problems: Problems) -> WorkerConfig | None:
    """The worker of a wrangler file in an environment; `None` if not even its name is known.

    Where errors were noted, the rest of the value is only fit for finding more of them.
    """
    table = read_table(file, problems)
    if table is None:
        return None
    section = Section(table, file=file, problems=problems)
    top, environments = _read_levels(section)
    level = top
    if environment is not None:
        if environment not in environments:
            _unknown_environment(section, environment, environments)
            return None
        level = _inherit(environments[environment], top)
    return _worker(level, top, environment)


def declared_names(file: Path, problems: Problems) -> Iterator[str]:
    """The names by which the workers of a wrangler file may be called, in every environment."""
    section = Section(read_table(file, problems) or {}, file=file, problems=problems)
    name, environments = section.text("name"), section.table("env")
    if name is None:
        return
    yield name
    for environment in environments.names() if environments else ():
        worker = WorkerId(name, environment)
        yield from (str(worker), worker.full_name)


def _read_levels(top: Section) -> tuple[_Level, dict[str, _Level]]:
    top.skip(SILENT)
    ignored = top.skip(IGNORED)
    table = top.table("env")
    environments = {}
    for name in table.names() if table else ():
        section = table.table(name) if table else None
        if section is None:
            continue
        if not ENVIRONMENT.fullmatch(name):
            section.error("", f"not an environment name: {ENVIRONMENT_RULE}", "rename it")
        ignored += section.skip(IGNORED)
        environments[name] = _read_level(section)
    if ignored:
        top.problems.warn(
            top.file,
            f"ignored, because the mesh has no such products or settings: {', '.join(ignored)}",
        )
    return _read_level(top), environments


def _read_level(section: Section) -> _Level:
    level = _Level(
        section=section,
        name=_read_name(section),
        main=_read_main(section),
        compatibility_date=section.date("compatibility_date"),
        compatibility_flags=section.texts("compatibility_flags"),
        routes=read_routes(section),
        workers_dev=section.flag("workers_dev"),
        vars=section.json("vars"),
        services=read_services(section),
        required_secrets=_read_required_secrets(section),
    )
    section.finish()
    return level


def _read_name(section: Section) -> str | None:
    name = section.text("name")
    if name is not None and not NAME.fullmatch(name):
        section.error("name", f"`{name}` is not a worker name", f"use {NAME_RULE}")
        return None
    return name


def _read_main(section: Section) -> Path | None:
    main = section.text("main")
    if main is None:
        return None
    path = join(section.file.parent, main)
    if path.suffix != ".py":
        section.error("main", f"`{main}` is not a Python file", "name the worker's .py file")
    elif not is_file(path):
        section.error("main", f"there is no file `{main}`", "the path is relative to this file")
    return path


def _read_required_secrets(section: Section) -> tuple[str, ...]:
    table = section.table("secrets")
    if table is None:
        return ()
    required = table.texts("required") or ()
    table.finish()
    return required


def _unknown_environment(
    section: Section, environment: str, environments: Mapping[str, _Level]
) -> None:
    there = f"there are: {listing(environments)}" if environments else "there is none"
    section.error(
        "env",
        f"no environment `{environment}`; {there}{suggestion(environment, environments)}",
        f"add [env.{environment}], or start the worker in another environment",
    )


def _inherit(level: _Level, top: _Level) -> _Level:
    """The environment with what it takes from the top; a warning for what it does not."""
    for key in _NOT_INHERITED:
        if top.section.has(key) and not level.section.has(key):
            level.section.problems.warn(
                level.section.where(),
                f"`{key}` stands at the top of the file and is not inherited",
                f"repeat `{key}` here if this environment needs it",
            )
    absent = (key for key in _INHERITED if getattr(level, key) is None)
    return replace(level, **{key: getattr(top, key) for key in absent})


def _worker(level: _Level, top: _Level, environment: str | None) -> WorkerConfig | None:
    section = level.section
    if not top.section.has("main"):
        section.require("main", '"src/entry.py"')
    worker = _worker_id(level, top, environment)
    directory = section.file.parent
    secrets = _secrets(level, environment)
    if worker is None:
        return None
    return WorkerConfig(
        id=worker,
        directory=directory,
        main=level.main or directory,
        source=section.file,
        compatibility_date=level.compatibility_date,
        compatibility_flags=level.compatibility_flags or (),
        vars={key: value for key, value in (level.vars or {}).items() if key not in secrets},
        secrets=secrets,
        services=level.services or (),
        routes=level.routes or (),
        workers_dev=level.workers_dev or False,
    )


def _worker_id(level: _Level, top: _Level, environment: str | None) -> WorkerId | None:
    """An environment's own `name` is its full name, to which Cloudflare adds no environment."""
    if not level.section.has("name"):
        top.section.require("name", '"auth"')
    if environment is None or level.name is None:
        return None if top.name is None else WorkerId(top.name, environment)
    stem = level.name.removesuffix(f"-{environment}")
    return WorkerId(level.name) if stem in {level.name, ""} else WorkerId(stem, environment)


def _secrets(level: _Level, environment: str | None) -> dict[str, str]:
    section, problems = level.section, level.section.problems
    file = dev_vars_file(section.file.parent, environment)
    secrets = read_dev_vars(file, problems)
    for name in level.required_secrets:
        if name not in secrets:
            problems.error(
                f"{section.where('secrets')}.required",
                f"secret `{name}` is required, but {problems.show(file)} does not set it",
                f'add {name}="…" to {problems.show(file)}',
            )
    for service in level.services or ():
        for kind, names in (("var", level.vars or {}), ("secret", secrets)):
            if service.binding in names:
                section.error(
                    "services",
                    f"binding `{service.binding}` has the same name as a {kind}",
                    "rename one of the two: both are read as env.NAME",
                )
    return secrets
