"""From the configuration to what each cell is told when it starts: pure, nothing is started here.

What a cell needs to know of the rest of the mesh is added by `knowledge.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mesh.v1 import cell_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh.config import GroupConfig, MeshConfig, WorkerConfig


def plan_cells(config: MeshConfig, edge_descriptor: int | None) -> list[cell_pb2.Start]:
    """What to tell each cell; one cell for each group. The listener goes to the edge workers'."""
    return [_plan_cell(config, group, edge_descriptor) for group in config.groups]


def _plan_cell(
    config: MeshConfig, group: GroupConfig, edge_descriptor: int | None
) -> cell_pb2.Start:
    start = cell_pb2.Start(
        cell=f"{group.name}/0",
        agent=config.agent.name,
        workers=[_plan_worker(worker) for worker in config.workers if worker.id in group.workers],
        limits=cell_pb2.Limits(
            body_bytes=config.limits.body_bytes,
            invocations=config.limits.invocations,
            drain_seconds=config.limits.drain_seconds,
            wait_until_seconds=config.limits.wait_until_seconds,
        ),
        is_alone=config.agent.control is None and len(config.groups) == 1,
    )
    if edge_descriptor is not None and set(config.edge.workers) & set(group.workers):
        start.edge.descriptor = edge_descriptor
        start.edge.routes.extend(_plan_routes(config))
    if peers := config.agent.peers:
        start.peers.host = peers.host
        start.peers.first_port = peers.first_port
        start.peers.last_port = peers.last_port
    return start


def _plan_worker(worker: WorkerConfig) -> cell_pb2.Worker:
    return cell_pb2.Worker(
        id=str(worker.id),
        main=str(worker.main),
        source=str(worker.source),
        vars_json=msgspec.json.encode(dict(worker.vars)),
        secrets=dict(worker.secrets),
        declared_bindings=[service.binding for service in worker.services],
    )


def _plan_routes(config: MeshConfig) -> Iterator[cell_pb2.Route]:
    """Each edge worker's patterns; without routes, hosts that begin with its name.

    The only edge worker takes every host if it has no routes.
    """
    edge = [worker for worker in config.workers if worker.id in config.edge.workers]
    for worker in edge:
        patterns = [
            f"{route.pattern}/*" if route.custom_domain else route.pattern
            for route in worker.routes
        ]
        if not patterns:
            patterns = [""] if len(edge) == 1 else [f"{worker.id.full_name}.*/*"]
        for pattern in patterns:
            yield cell_pb2.Route(
                pattern=pattern.removeprefix("https://").removeprefix("http://"),
                worker=str(worker.id),
            )
