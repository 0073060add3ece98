"""What differs for people between two states of what is stored. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.control.listings import declared_targets, show_target
from mesh.v1.admin_pb2 import Change

if TYPE_CHECKING:
    from mesh.control.stored import BindingKey, Stored, VarKey


def changes_between(before: Stored, after: Stored) -> list[Change]:
    """The bindings and vars that people see differently, by worker, kind and name."""
    changes: list[Change] = []
    for key in changed_bindings(before, after):
        old, new = _show_binding(before, key), _show_binding(after, key)
        changes.append(Change(worker=key[0], kind="binding", name=key[1], before=old, after=new))
    for key in changed_vars(before, after):
        old, new = _show_var(before, key), _show_var(after, key)
        changes.append(Change(worker=key[0], kind="var", name=key[1], before=old, after=new))
    return sorted(changes, key=lambda change: (change.worker, change.kind, change.name))


def changed_bindings(before: Stored, after: Stored) -> set[BindingKey]:
    """The bindings whose settings differ."""
    keys = before.bindings.keys() | after.bindings.keys()
    return {key for key in keys if before.bindings.get(key) != after.bindings.get(key)}


def changed_vars(before: Stored, after: Stored) -> set[VarKey]:
    """The vars whose values differ."""
    keys = before.vars.keys() | after.vars.keys()
    return {key for key in keys if before.vars.get(key) != after.vars.get(key)}


def _show_binding(stored: Stored, key: BindingKey) -> str:
    setting = stored.bindings.get(key)
    if setting is not None:
        return "removed" if setting.target is None else show_target(setting.target)
    declared = sorted({show_target(target) for target in declared_targets(stored, key)})
    return f"{' or '.join(declared)} (declared)" if declared else ""


def _show_var(stored: Stored, key: VarKey) -> str:
    setting = stored.vars.get(key)
    return setting.value_json.decode("utf-8", "replace") if setting is not None else ""
