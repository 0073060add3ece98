"""The Admin API's messages as JSON values: what `--output json` and `--output yaml` print.

Keys are the field names of the protocol. What protobuf can only leave empty is `null` here, and
JSON inside a message is a value. These shapes are a promise: see docs/api.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mesh.errors import ProtocolError
from mesh.v1 import control_pb2

if TYPE_CHECKING:
    from mesh.v1 import admin_pb2

# Any, throughout: JSON values.

_SOURCES: Final = {
    control_pb2.DECLARED: "declared",
    control_pb2.SET: "set",
    control_pb2.REMOVED: "removed",
}


def status(message: admin_pb2.MeshStatus) -> dict[str, Any]:
    """The answer of GetStatus."""
    return {
        "mesh": message.mesh,
        "position": position(message.position),
        "software": message.software,
        "agents_connected": message.agents_connected,
        "agents_lost": message.agents_lost,
        "workers": message.workers,
        "bindings": message.bindings,
        "warnings": list(message.warnings),
    }


def agent(message: admin_pb2.AgentStatus) -> dict[str, Any]:
    """One agent."""
    return {
        "agent": message.agent,
        "is_connected": message.is_connected,
        "silent_seconds": None if message.is_connected else message.silent_seconds,
        "revision": message.revision,
        "workers": list(message.workers),
        "endpoints": [_endpoint(endpoint) for endpoint in message.endpoints],
        "software": message.software,
        "has_left": message.has_left,
    }


def worker(message: admin_pb2.WorkerStatus) -> dict[str, Any]:
    """One worker."""
    return {
        "worker": message.worker,
        "agents": list(message.agents),
        "digests": list(message.digests),
        "is_edge": message.is_edge,
        "routes": list(message.routes),
    }


def binding(message: admin_pb2.BindingStatus) -> dict[str, Any]:
    """One binding, in effect or removed."""
    own = message.binding
    is_removed = own.source == control_pb2.REMOVED
    return {
        "caller": own.caller,
        "name": own.name,
        "source": _SOURCES.get(own.source, "unknown"),
        "target": None if is_removed else _target(own.target),
        "worker": own.worker or None,
        "is_available": message.is_available,
        "hidden": _target(message.hidden) if message.HasField("hidden") else None,
        "version": message.version,
    }


def binding_change(caller: str, name: str, message: admin_pb2.BindingChange) -> dict[str, Any]:
    """What became of a write to the binding `name` of `caller`."""
    return {
        "caller": message.binding.binding.caller or caller,
        "name": message.binding.binding.name or name,
        "binding": binding(message.binding) if message.HasField("binding") else None,
        "position": position(message.position),
        "not_confirmed": list(message.not_confirmed),
    }


def var(message: admin_pb2.VarStatus) -> dict[str, Any]:
    """One value that somebody set."""
    return {
        "worker": message.worker,
        "name": message.name,
        "value": _json_value(message.value_json),
        "version": message.version,
    }


def var_change(worker_name: str, name: str, message: admin_pb2.VarChange) -> dict[str, Any]:
    """What became of a write to the var `name` of a worker."""
    return {
        "worker": message.var.worker or worker_name,
        "name": name,
        "var": var(message.var) if message.HasField("var") else None,
        "position": position(message.position),
        "not_confirmed": list(message.not_confirmed),
    }


def applied(message: admin_pb2.ApplyResponse, *, dry_run: bool) -> dict[str, Any]:
    """The answer of Apply."""
    return {
        "dry_run": dry_run,
        "changes": [
            {
                "worker": change.worker,
                "kind": change.kind,
                "name": change.name,
                "before": change.before or None,
                "after": change.after or None,
            }
            for change in message.changes
        ],
        "position": position(message.position),
        "not_confirmed": list(message.not_confirmed),
    }


def position(message: control_pb2.Position) -> dict[str, Any]:
    """A point in the mesh's history."""
    return {"epoch": message.epoch, "revision": message.revision}


def _target(message: control_pb2.Target) -> dict[str, Any]:
    return {
        "service": message.service,
        "environment": message.environment or None,
        "entrypoint": message.entrypoint or None,
        "props": _json_value(message.props_json) if message.props_json else {},
    }


def _endpoint(message: control_pb2.Endpoint) -> dict[str, Any]:
    return {
        "id": message.id,
        "cell": message.cell,
        "address": message.address,
        "workers": list(message.workers),
        "is_stale": message.is_stale,
    }


def _json_value(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(
            "the control plane sent a value that is no JSON; is it another version than meshctl?"
        ) from error
