"""What a cell's workers have in `env`, kept in line with the agent's view of the mesh.

The objects in `env` live as long as their worker; a new table changes where they lead, for the
calls that begin after it. Who may call the workers of this cell is the business of `admission.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mesh.channel.local import LocalChannel
from mesh.channel.routed import RoutedChannel, UnavailableChannel, UnboundChannel
from mesh.routing.endpoint import RemoteTarget
from workers.binding import ServiceBinding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from agent.host import WorkerHost
    from mesh.routing.table import RoutingTable
    from mesh.v1.cell_pb2 import Worker
    from mesh.v1.control_pb2 import Binding, Target
    from workers.binding import Channel

NOBODY = "no cell of the mesh serves it just now; `meshctl workers` says whether an agent runs it"
_NOT_YET = "the worker is still being loaded"


class CellBindings:
    """The vars, secrets and bindings of all workers of a cell.

    `to_remote` makes the channel to a target in another cell; None where there can be none.
    """

    def __init__(
        self,
        workers: Iterable[Worker],
        table: RoutingTable,
        to_remote: Callable[[RemoteTarget], Channel] | None,
    ) -> None:
        self._workers = {worker.id: worker for worker in workers}
        self._table = table
        self._to_remote = to_remote
        self._hosts: Mapping[str, WorkerHost] = {}
        self._channels: dict[tuple[str, str], RoutedChannel] = {}
        self._bindings: dict[tuple[str, str], ServiceBinding] = {}

    def names(self, worker: str) -> dict[str, Any]:
        """Everything that `worker` has in `env`; a secret wins over a var of the same name."""
        of = self._workers[worker]
        names: dict[str, Any] = {
            **msgspec.json.decode(of.vars_json or b"{}"),
            **msgspec.json.decode(self._table.vars_json.get(worker) or b"{}"),
            **of.secrets,
        }
        bound = {name for caller, name in self._table.bindings if caller == worker}
        for name in sorted(bound.union(of.declared_bindings)):
            names[name] = self._binding(worker, name)
        return names

    def connect(self, hosts: Mapping[str, WorkerHost]) -> None:
        """The workers are loaded: let every binding lead where the table says."""
        self._hosts = hosts
        self._retarget()

    def apply(self, table: RoutingTable) -> None:
        """Let calls that begin from now on follow `table`."""
        before, self._table = self._table, table
        self._retarget()
        for worker, host in self._hosts.items():
            if _says(before, worker) != _says(table, worker):
                host.replace_names(self.names(worker))

    def _binding(self, worker: str, name: str) -> ServiceBinding:
        key = worker, name
        if key not in self._bindings:
            channel = RoutedChannel(UnavailableChannel(name, _NOT_YET))
            if self._hosts:
                channel.target = self._target(key)
            self._channels[key] = channel
            self._bindings[key] = ServiceBinding(name, channel)
        return self._bindings[key]

    def _retarget(self) -> None:
        for key, channel in self._channels.items():
            channel.target = self._target(key)

    def _target(self, key: tuple[str, str]) -> Channel:
        binding = self._table.bindings.get(key)
        if binding is None or not binding.id:
            return UnboundChannel()
        service = service_name(binding.target)
        host = self._hosts.get(binding.worker)
        if host is not None:
            return _to_local(binding, service, host)
        endpoints = self._table.endpoints.get(binding.worker, ())
        if not endpoints or self._to_remote is None:
            return UnavailableChannel(service, NOBODY)
        return self._to_remote(
            RemoteTarget(binding.id, service, binding.worker, endpoints, self._table.revision)
        )


def service_name(target: Target) -> str:
    """A target's service as people write it: `auth`, or `auth@staging`."""
    return f"{target.service}@{target.environment}" if target.environment else target.service


def _to_local(binding: Binding, service: str, host: WorkerHost) -> Channel:
    entrypoint = host.entrypoints.get(binding.target.entrypoint)
    if entrypoint is None:
        return UnavailableChannel(service, missing_entrypoint(host, binding.target.entrypoint))
    return LocalChannel(entrypoint.dispatch, binding.target.props_json or b"{}")


def missing_entrypoint(host: WorkerHost, entrypoint: str) -> str:
    """Why a binding to an entrypoint that `host` does not have cannot work."""
    named = ", ".join(sorted(name for name in host.entrypoints if name)) or "none"
    wanted = f"entrypoint {entrypoint}" if entrypoint else "default entrypoint"
    return f"worker {host.worker} has no {wanted} (its named entrypoints are: {named})"


def _says(table: RoutingTable, worker: str) -> tuple[bytes, list[str]]:
    """What in `table` decides about the names in a worker's `env`."""
    bound = sorted(name for caller, name in table.bindings if caller == worker)
    return table.vars_json.get(worker, b""), bound
