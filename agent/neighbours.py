"""This cell among the other cells of the mesh: its links to them, and its server for theirs.

Loaded only where there can be other cells, since gRPC takes its memory.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from agent.admission import Admission
from agent.malloc import raise_thresholds
from agent.peer import PeerServer
from mesh.channel.links import Links
from mesh.channel.remote import RemoteChannel
from mesh.errors import ConfigError, Problem, StartError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from agent.host import WorkerHost
    from mesh.routing.endpoint import RemoteTarget
    from mesh.routing.table import RoutingTable
    from mesh.v1.cell_pb2 import Start


class Neighbours:
    """Both directions of calls between this cell and others."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._links = Links(agent=start.agent, cell=start.cell)
        self._stack = AsyncExitStack()
        self._admission: Admission | None = None
        self._server: PeerServer | None = None
        self.port = 0
        """Where other hosts reach this cell; 0: nowhere."""

    async def __aenter__(self) -> Self:
        raise_thresholds()
        await self._stack.enter_async_context(self._links)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._server is not None:
            await self._server.aclose()
        await self._stack.aclose()

    def channel(self, target: RemoteTarget) -> RemoteChannel:
        """The channel of a binding that leads to another cell."""
        return RemoteChannel(self._links, target)

    def listen(self, hosts: Mapping[str, WorkerHost], table: RoutingTable) -> None:
        """Claim the addresses. Raises: ConfigError where none of them is free."""
        peers = self._start.peers
        self._admission = Admission(hosts, table)
        self._server = PeerServer(self._admission, agent=self._start.agent, cell=self._start.cell)
        try:
            self._server.listen(f"unix:{peers.unix_path}")
        except StartError as error:
            raise ConfigError([Problem(where=peers.unix_path, reason=str(error))]) from error
        if peers.host:
            self.port = self._claim_port(self._server)

    def _claim_port(self, server: PeerServer) -> int:
        peers = self._start.peers
        host = f"[{peers.host}]" if ":" in peers.host else peers.host
        for port in range(peers.first_port, peers.last_port + 1):
            try:
                return server.listen(f"{host}:{port}")
            except StartError:
                continue  # another cell has it
        problem = Problem(
            where=f"--peer-listen {host}:{peers.first_port}-{peers.last_port}",
            reason="no port of it is free, or the address is not of this host",
            fix="each cell needs one: give a larger range, or stop what listens there",
        )
        raise ConfigError([problem])

    async def serve(self) -> None:
        """Take calls."""
        if self._server is not None:
            await self._server.start()

    def apply(self, table: RoutingTable) -> None:
        """The mesh has changed."""
        if self._admission is not None:
            self._admission.apply(table)
        self._links.retain({at.id for found in table.endpoints.values() for at in found})

    async def drain(self, timeout_seconds: float) -> None:
        """Take no new calls; let those under way finish."""
        if self._server is not None:
            await self._server.drain(timeout_seconds)
