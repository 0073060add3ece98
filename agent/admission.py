"""Who may call the workers of this cell over a link: the bindings that lead here, and no one else.

The callee decides by its own view; nothing that a caller says about the target is believed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent.bindings import missing_entrypoint
from agent.peer import Admitted
from mesh.v1.link_pb2 import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.host import WorkerHost
    from mesh.routing.table import RoutingTable
    from mesh.v1.control_pb2 import Grant
    from mesh.v1.link_pb2 import Open


class Admission:
    """Decides about each exchange that another cell opens."""

    def __init__(self, hosts: Mapping[str, WorkerHost], table: RoutingTable) -> None:
        self._hosts = hosts
        self._admitted: dict[str, Admitted | Refused] = {}
        self._newer = asyncio.Event()
        self.apply(table)

    def apply(self, table: RoutingTable) -> None:
        """Exchanges that begin from now on follow `table`."""
        self._table = table
        self._admitted = {binding: self._decide(grant) for binding, grant in table.grants.items()}
        self._newer.set()
        self._newer = asyncio.Event()

    def admit(self, open: Open) -> Admitted | Refused:  # noqa: A002 - the frame's name
        """What `open` leads to, or why it must not start."""
        grant = self._table.grants.get(open.binding)
        if grant is not None and grant.caller == open.caller:
            return self._admitted[open.binding]
        if grant is None and open.revision > self._table.revision:
            return Refused(reason=Refused.STALE, message="the callee does not know it yet")
        return Refused(reason=Refused.DENIED, message="the callee does not know the binding")

    async def wait_newer(self, revision: int) -> None:
        """Wait until the view of this cell is at least at `revision`."""
        while self._table.revision < revision:
            await self._newer.wait()

    def _decide(self, grant: Grant) -> Admitted | Refused:
        host = self._hosts.get(grant.worker)
        if host is None:
            message = f"worker {grant.worker} does not run here"
            return Refused(reason=Refused.NOT_HERE, message=message)
        entrypoint = host.entrypoints.get(grant.entrypoint)
        if entrypoint is None:
            message = missing_entrypoint(host, grant.entrypoint)
            return Refused(reason=Refused.NOT_HERE, message=message)
        return Admitted(entrypoint.dispatch, grant.props_json or b"{}", grant.worker)
