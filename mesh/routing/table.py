"""A cell's view of the mesh, made for looking things up; another view is another table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mesh.routing.endpoint import Endpoint

if TYPE_CHECKING:
    from mesh.v1.cell_pb2 import View
    from mesh.v1.control_pb2 import Binding, Grant


class RoutingTable(msgspec.Struct, frozen=True):
    """Where the bindings of a cell's workers lead, and by which bindings they may be called."""

    revision: int
    bindings: dict[tuple[str, str], Binding]
    """By caller and name."""
    grants: dict[str, Grant]
    """By the binding's id."""
    endpoints: dict[str, tuple[Endpoint, ...]]
    """Other cells by worker, those of the same host first."""
    vars_json: dict[str, bytes]
    """What people set, by worker."""

    @classmethod
    def from_view(cls, view: View, agent: str) -> RoutingTable:
        """The table of a cell of `agent`."""
        endpoints: dict[str, list[Endpoint]] = {}
        for at in sorted(view.endpoints, key=lambda at: at.agent != agent):
            endpoint = Endpoint(at.id, at.agent, at.cell, at.address, at.is_stale)
            for worker in at.workers:
                endpoints.setdefault(worker, []).append(endpoint)
        return cls(
            revision=view.revision,
            bindings={(binding.caller, binding.name): binding for binding in view.bindings},
            grants={grant.id: grant for grant in view.grants},
            endpoints={worker: tuple(found) for worker, found in endpoints.items()},
            vars_json={of.worker: of.vars_json for of in view.vars},
        )
