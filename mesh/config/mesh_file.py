"""Reads mesh.toml, which holds what Cloudflare has no word for.

Only its own rules: whether the workers that it names exist is `placement`'s part.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh.config.address import parse_address
from mesh.config.agent_settings import AgentSettings, read_agent
from mesh.config.files import join, read_table
from mesh.config.model import LimitsConfig
from mesh.config.section import Section
from mesh.config.settings import WorkerSettings, read_settings
from mesh.config.worker_id import NAME, NAME_RULE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mesh.config.problems import Problems

MESH_TOML = "mesh.toml"
"""The file's name, in a mesh directory."""

_ADDRESS_FIX = "write HOST:PORT, such as 127.0.0.1:8787 or [::1]:8787"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshFile:
    """What a mesh.toml says; the defaults stand for a mesh without one."""

    path: Path | None = None
    """Where it is; `None`: there is none."""

    workers: tuple[str, ...] | None = None
    """Directories and scripts relative to the file, perhaps with `@ENV`; `None`: not said, so the
    mesh directory's own subdirectories."""

    edge_listen: tuple[str, int] | None = None
    """Host and port of the public listener; `None`: not said."""

    edge_workers: tuple[str, ...] = ()
    """Names of workers to put at the edge even without routes."""

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of the workers in each group."""

    limits: LimitsConfig = field(default_factory=LimitsConfig)
    """Its limits over the defaults."""

    agent: AgentSettings = field(default_factory=AgentSettings)
    """This host's place in the mesh."""

    settings: tuple[WorkerSettings, ...] = ()
    """What `meshctl apply` sets; an agent that starts does nothing with it."""

    state_dir: Path | None = None
    """Absolute; `None`: not said."""


def read_mesh_file(path: Path | None, problems: Problems) -> MeshFile:
    """The mesh.toml at `path`; the defaults where there is none or it cannot be read."""
    table = None if path is None else read_table(path, problems)
    if path is None or table is None:
        return MeshFile(path=path)
    section = Section(table, file=path, problems=problems)
    state_dir = section.text("state_dir")
    listen, edge_workers = _read_edge(section)
    mesh_file = MeshFile(
        path=path,
        workers=section.texts("workers"),
        edge_listen=listen,
        edge_workers=edge_workers,
        groups=_read_groups(section),
        limits=_read_limits(section),
        agent=read_agent(section),
        settings=read_settings(section),
        state_dir=None if state_dir is None else join(path.parent, state_dir),
    )
    section.finish()
    return mesh_file


def read_listen(where: str, text: str, problems: Problems) -> tuple[str, int] | None:
    """Host and port of a listener; `None` if the text is no address, which is noted."""
    try:
        return parse_address(text)
    except ValueError as error:
        problems.error(where, str(error), _ADDRESS_FIX)
        return None


def _read_edge(section: Section) -> tuple[tuple[str, int] | None, tuple[str, ...]]:
    edge = section.table("edge")
    if edge is None:
        return None, ()
    text, workers = edge.text("listen"), edge.texts("workers") or ()
    edge.finish()
    listen = None if text is None else read_listen(edge.where("listen"), text, section.problems)
    return listen, workers


def _read_groups(section: Section) -> dict[str, tuple[str, ...]]:
    table = section.table("groups")
    groups = {}
    for name in table.names() if table else ():
        group = table.table(name) if table else None
        if group is None:
            continue
        if not NAME.fullmatch(name):
            group.error("", "not a group name", f"use {NAME_RULE}")
        group.require("workers", '["auth"]')
        groups[name] = group.texts("workers") or ()
        group.finish()
    return groups


def _read_limits(section: Section) -> LimitsConfig:
    table = section.table("limits")
    if table is None:
        return LimitsConfig()
    body_bytes = table.positive_integer("body_bytes")
    invocations = table.positive_integer("invocations")
    drain_seconds = table.positive_seconds("drain_seconds")
    wait_until_seconds = table.positive_seconds("wait_until_seconds")
    table.finish()
    limits = LimitsConfig()
    return replace(
        limits,
        body_bytes=body_bytes or limits.body_bytes,
        invocations=invocations or limits.invocations,
        drain_seconds=drain_seconds or limits.drain_seconds,
        wait_until_seconds=wait_until_seconds or limits.wait_until_seconds,
    )
