"""Whether what an agent is to know fits into one message, with room for a change on its way. Pure.

Asked before anything is stored: an agent that cannot be told is cut off from every later change.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mesh.control.view import MeshIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh.control.state import MeshState
    from mesh.control.stored import Stored
    from mesh.control.view import View
    from mesh.v1.control_pb2 import Resource

VIEW_LIMIT_BYTES: Final = 3 * 1024 * 1024
"""A message may have 4 MiB; the rest is for what stays granted while bindings change."""

_FRAME_BYTES: Final = 8
"""What each resource takes besides its own bytes, at most."""


def wrong_with_size(state: MeshState, after: Stored, agent_ids: Iterable[str]) -> str:
    """Which of these agents would have to know too much, and of what; empty: none.

    One that knows too much already may go on, as long as it is not given more.
    """
    index = MeshIndex(after, state.exposures_with(after))
    for agent_id in sorted(agent_ids):
        if agent_id not in after.registrations:
            continue
        view = index.view(agent_id)
        size = _size(view)
        if size <= VIEW_LIMIT_BYTES:
            continue
        if agent_id in state.agents and size <= _size(state.index.view(agent_id)):
            continue
        return (
            f"agent {after.registrations[agent_id].agent} would have to know {size} bytes, more "
            f"than {VIEW_LIMIT_BYTES}; most of it are {_largest(view)}"
        )
    return ""


def _size(view: View) -> int:
    return sum(resource.ByteSize() + _FRAME_BYTES for resource in view.values())


def _largest(view: View) -> str:
    sizes: Counter[str] = Counter()
    for resource in view.values():
        sizes[_kind(resource)] += resource.ByteSize()
    ((kind, size),) = sizes.most_common(1)
    return f"{kind} ({size} bytes)"


def _kind(resource: Resource) -> str:
    match resource.WhichOneof("resource"):
        case "binding":
            return f"the bindings of worker {resource.binding.caller}"
        case "grant":
            return f"the bindings of worker {resource.grant.caller} to it"
        case "vars":
            return f"the vars of worker {resource.vars.worker}"
    return "the cells of other agents"
