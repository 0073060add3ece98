"""Reads what a mesh.toml sets for workers: the tables `[bindings.WORKER]` and `[vars.WORKER]`.

`meshctl apply` sends them to the control plane. An agent that starts checks them and does nothing
with them: what is set lives in the control plane. Whether the workers exist is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mesh.config.model import ServiceConfig
from mesh.config.target import TARGET_FORM, is_identifier, parse_target, wrong_with
from mesh.config.worker_id import WorkerId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh.config.section import Section

_FIX = f'write "{TARGET_FORM}", a table with `service`, or false to remove the binding'


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Everything that is to be set for one worker; what is set besides is to be reset."""

    worker: WorkerId
    """The worker, here or not."""

    bindings: tuple[ServiceConfig, ...] = ()
    """Those to set, in the order of the file."""

    removed: tuple[str, ...] = ()
    """Names of those to remove."""

    vars: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    """Values to set over those of the worker's own configuration."""


@dataclass(frozen=True, slots=True)
class _Own:
    """One worker's table: to note problems in, and as JSON values."""

    section: Section
    values: Mapping[str, Any]  # Any: JSON values


def read_settings(section: Section) -> tuple[WorkerSettings, ...]:
    """The settings of each worker that either table names; none where there is no such table."""
    bindings, values = _by_worker(section, "bindings"), _by_worker(section, "vars")
    workers = dict.fromkeys((*bindings, *values))
    return tuple(
        _read_worker(worker, bindings.get(worker), values.get(worker)) for worker in workers
    )


def _by_worker(section: Section, key: str) -> dict[WorkerId, _Own]:
    table = section.table(key)
    found = {}
    for name in table.names() if table else ():
        assert table is not None
        values, own = table.json(name), table.table(name)
        try:
            worker = WorkerId.parse(name)
        except ValueError as error:
            table.error(name, str(error), f'write [{key}.auth] or [{key}."auth@staging"]')
            continue
        if values is not None and own is not None:
            found[worker] = _Own(own, values)
    return found


def _read_worker(worker: WorkerId, bindings: _Own | None, values: _Own | None) -> WorkerSettings:
    targets, removed = _read_bindings(bindings) if bindings else ((), ())
    own_vars = values.values if values else {}
    if values:
        _check_names(values)
        for name in (*(target.binding for target in targets), *removed):
            if name in own_vars:
                values.section.error(
                    name,
                    f"`{worker}` has a binding `{name}` in this file too",
                    "rename one of the two: both are read as env.NAME",
                )
    return WorkerSettings(worker=worker, bindings=targets, removed=removed, vars=own_vars)


def _read_bindings(own: _Own) -> tuple[tuple[ServiceConfig, ...], tuple[str, ...]]:
    section, values = own.section, own.values
    _check_names(own)
    removed = tuple(name for name, value in values.items() if value is False)
    read = (_read_target(section, name, values[name]) for name in values if name not in removed)
    return tuple(target for target in read if target is not None), removed


def _check_names(own: _Own) -> None:
    for name in own.values:
        if not is_identifier(name):
            own.section.error(
                name,
                f"`{name}` is not a Python identifier, and code reads it as env.NAME",
                "use letters, digits and `_`, such as `AUTH`",
            )


def _read_target(section: Section, name: str, value: object) -> ServiceConfig | None:
    if isinstance(value, dict):
        table = section.table(name)
        return None if table is None else _read_table(table, name)
    if not isinstance(value, str):
        section.error(name, "is not the target of a binding", _FIX)
        return None
    try:
        return parse_target(name, value) if is_identifier(name) else None
    except ValueError as error:
        section.error(name, str(error), _FIX)
        return None


def _read_table(table: Section, binding: str) -> ServiceConfig | None:
    service = table.text("service")
    environment, entrypoint = table.text("environment"), table.text("entrypoint")
    props = table.json("props")
    table.finish()
    table.require("service", '"auth"')
    if service is None:
        return None
    target = ServiceConfig(
        binding=binding,
        service=service,
        environment=environment,
        entrypoint=entrypoint,
        props=props or {},
    )
    for key, reason in wrong_with(target).items():
        if key != "binding":  # noted where the table stands
            table.error(key, reason, "mend the name")
    return target
