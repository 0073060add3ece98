"""What people's writes change in what is stored. Pure: the answer is the next state, or Rejected.

A write that says what is already so gives the same object back. Nothing is sent or awaited here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.control.names import (
    CALLER_PROPS_LIMIT_BYTES,
    VARS_LIMIT_BYTES,
    read_object,
    wrong_with_name,
    wrong_with_target,
    wrong_with_value,
    wrong_with_worker,
)
from mesh.control.rejected import Rejected, Rejection
from mesh.control.stored import BindingSetting, VarSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mesh.control.stored import BindingKey, Stored, VarKey
    from mesh.v1.admin_pb2 import WorkerSettings
    from mesh.v1.control_pb2 import Target


def binding_names(stored: Stored, caller: str) -> set[str]:
    """The names of the bindings of a worker, declared, set or removed."""
    declared = {
        binding.name
        for registration in stored.registrations.values()
        for manifest in registration.workers
        if manifest.worker == caller
        for binding in manifest.bindings
    }
    return declared | {name for worker, name in stored.bindings if worker == caller}


def meant_binding(stored: Stored, caller: str, name: str) -> BindingKey:
    """The binding that a person means: `auth` is `AUTH` if the caller has no other like it."""
    _require(_wrong_with_key(caller, name))
    names = binding_names(stored, caller)
    if name in names:
        return caller, name
    alike = [other for other in names if other.casefold() == name.casefold()]
    return caller, alike[0] if len(alike) == 1 else name


def set_binding(stored: Stored, key: BindingKey, target: Target, if_version: int = 0) -> Stored:
    """Set a binding. Raises: Rejected."""
    _require([wrong_with_target(target)])
    _require_free(stored, key)
    _require_version(stored.bindings.get(key), if_version, f"binding {key[1]} of {key[0]}")
    return _with_binding(stored, key, target)


def remove_binding(stored: Stored, key: BindingKey, if_version: int = 0) -> Stored:
    """Hide a binding, declared or set. Raises: Rejected."""
    caller, name = key
    names = binding_names(stored, caller)
    if name not in names:
        has = f"it has {', '.join(sorted(names))}" if names else "it has none"
        raise Rejected(Rejection.NOT_FOUND, f"{caller} has no binding {name}; {has}")
    _require_version(stored.bindings.get(key), if_version, f"binding {name} of {caller}")
    return _with_binding(stored, key, None)


def reset_binding(stored: Stored, key: BindingKey, if_version: int = 0) -> Stored:
    """Forget what somebody set. Raises: Rejected."""
    caller, name = key
    if key not in stored.bindings:
        raise Rejected(
            Rejection.NOT_FOUND,
            f"nobody set or removed binding {name} of {caller}; there is nothing to reset",
        )
    _require_version(stored.bindings.get(key), if_version, f"binding {name} of {caller}")
    return stored.changed(bindings={k: v for k, v in stored.bindings.items() if k != key})


def set_var(stored: Stored, key: VarKey, value_json: bytes, if_version: int = 0) -> Stored:
    """Set a value. Raises: Rejected."""
    worker, name = key
    _require([*_wrong_with_key(worker, name), wrong_with_value(value_json)])
    if name in binding_names(stored, worker):
        raise Rejected(Rejection.TAKEN, f"{name} is a binding of {worker}; choose another name")
    _require_version(stored.vars.get(key), if_version, f"var {name} of {worker}")
    present = stored.vars.get(key)
    if present is not None and present.value_json == value_json:
        return stored
    values = {**stored.vars, key: VarSetting(value_json, stored.revision + 1)}
    _require_room(values, worker)
    return stored.changed(vars=values)


def delete_var(stored: Stored, key: VarKey, if_version: int = 0) -> Stored:
    """Forget a value that somebody set. Raises: Rejected."""
    worker, name = key
    if key not in stored.vars:
        names = sorted(n for w, n in stored.vars if w == worker)
        has = f"set are {', '.join(names)}" if names else "none is set"
        raise Rejected(Rejection.NOT_FOUND, f"nobody set var {name} of {worker}; {has}")
    _require_version(stored.vars.get(key), if_version, f"var {name} of {worker}")
    return stored.changed(vars={k: v for k, v in stored.vars.items() if k != key})


def apply_settings(stored: Stored, workers: Sequence[WorkerSettings]) -> Stored:
    """Make what is set for each of these workers equal to its settings. Raises: Rejected."""
    named = {settings.worker for settings in workers}
    if len(named) != len(workers):
        raise Rejected(Rejection.INVALID, "a worker is named twice; put its settings together")
    _require(
        f"{settings.worker}: {wrong}"
        for settings in workers
        for wrong in _wrong_with_settings(settings)
    )
    version = stored.revision + 1
    bindings = {key: old for key, old in stored.bindings.items() if key[0] not in named}
    values = {key: old for key, old in stored.vars.items() if key[0] not in named}
    for settings in workers:
        targets: dict[str, Target | None] = {b.name: b.target for b in settings.bindings}
        targets.update(dict.fromkeys(settings.removed_bindings))
        for name, target in targets.items():
            key = (settings.worker, name)
            if target is not None:
                _require_free(stored, key, besides_vars=True)
            old = stored.bindings.get(key)
            is_same = old is not None and old.target == target
            bindings[key] = old if old and is_same else BindingSetting(target, version)
        for name, raw in (read_object(settings.vars_json) or {}).items():
            key, value = (settings.worker, name), bytes(raw)
            var = stored.vars.get(key)
            is_kept = var is not None and var.value_json == value
            values[key] = var if var and is_kept else VarSetting(value, version)
            if name in targets or name in binding_names(stored, settings.worker):
                raise Rejected(
                    Rejection.TAKEN, f"{settings.worker}: {name} is a binding; rename the var"
                )
        _require_room(values, settings.worker)
        _require_room_for_props(bindings, settings.worker)
    if bindings == stored.bindings and values == stored.vars:
        return stored
    return stored.changed(bindings=bindings, vars=values)


def _with_binding(stored: Stored, key: BindingKey, target: Target | None) -> Stored:
    present = stored.bindings.get(key)
    if present is not None and present.target == target:
        return stored
    bindings = {**stored.bindings, key: BindingSetting(target, stored.revision + 1)}
    _require_room_for_props(bindings, key[0])
    return stored.changed(bindings=bindings)


def _wrong_with_key(worker: str, name: str) -> list[str]:
    return [wrong_with_worker(worker), wrong_with_name(name)]


def _wrong_with_settings(settings: WorkerSettings) -> Iterable[str]:
    found = [wrong_with_worker(settings.worker)]
    names = [binding.name for binding in settings.bindings] + list(settings.removed_bindings)
    found += [wrong_with_name(name) for name in names]
    found += [
        f"binding {n} is there twice" for n in sorted({n for n in names if names.count(n) > 1})
    ]
    found += [wrong_with_target(binding.target) for binding in settings.bindings]
    members = read_object(settings.vars_json)
    if members is None:
        found.append("the vars are no JSON object")
    for name, raw in (members or {}).items():
        found += [wrong_with_name(name), wrong_with_value(bytes(raw))]
    return [wrong for wrong in found if wrong]


def _require(wrongs: Iterable[str]) -> None:
    found = [wrong for wrong in wrongs if wrong]
    if found:
        raise Rejected(Rejection.INVALID, "\n".join(found))


def _require_free(stored: Stored, key: BindingKey, *, besides_vars: bool = False) -> None:
    caller, name = key
    configured = any(
        name in manifest.names
        for registration in stored.registrations.values()
        for manifest in registration.workers
        if manifest.worker == caller
    )
    if configured or (key in stored.vars and not besides_vars):
        raise Rejected(
            Rejection.TAKEN,
            f"{name} is a var or secret of {caller}; choose another name for the binding",
        )


def _require_room(values: Mapping[VarKey, VarSetting], worker: str) -> None:
    size = sum(len(var.value_json) for key, var in values.items() if key[0] == worker)
    if size > VARS_LIMIT_BYTES:
        raise Rejected(
            Rejection.INVALID,
            f"the vars of {worker} would have {size} bytes, more than the {VARS_LIMIT_BYTES} that "
            "travel to its hosts; keep large values elsewhere",
        )


def _require_room_for_props(bindings: Mapping[BindingKey, BindingSetting], caller: str) -> None:
    targets = (s.target for key, s in bindings.items() if key[0] == caller)
    size = sum(len(target.props_json) for target in targets if target is not None)
    if size > CALLER_PROPS_LIMIT_BYTES:
        raise Rejected(
            Rejection.INVALID,
            f"the props of the bindings that are set for {caller} would have {size} bytes, more "
            f"than the {CALLER_PROPS_LIMIT_BYTES} for all; let the service look up what is large",
        )


def _require_version(
    present: BindingSetting | VarSetting | None, if_version: int, what: str
) -> None:
    version = present.version if present is not None else 0
    if if_version not in {0, version}:
        raise Rejected(
            Rejection.STALE,
            f"{what} has version {version}, not {if_version}; read it again, then decide",
        )
