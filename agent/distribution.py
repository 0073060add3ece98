"""Keeps the cells of this host in line with what the agent knows, and tells how far they are.

update from the control plane ─┐                      ┌→ a view for each cell
a cell serves, or ended ───────┴→ Knowledge, sequence ┴→ its endpoints, for the control plane
a cell has a view in effect ────→ the position that every cell has reached, to be confirmed
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent.knowledge import cell_view
from agent.saved import write_snapshot
from mesh.v1 import cell_pb2, control_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.knowledge import Knowledge
    from agent.supervisor import SupervisedCell
    from mesh.config import AgentConfig

logger = logging.getLogger(__name__)


class Distribution:
    """What the agent knows of the mesh, on its way into the cells.

    `confirm` gets a position once every cell has it in effect. `report` gets the endpoints that
    other hosts can call, whenever they change.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        agent: AgentConfig,
        state_dir: Path,
        *,
        confirm: Callable[[control_pb2.Position], None],
        report: Callable[[Sequence[control_pb2.Endpoint]], None],
    ) -> None:
        self.cells: Sequence[SupervisedCell] = ()
        self._knowledge = knowledge
        self._agent = agent
        self._state_dir = state_dir
        self._confirm = confirm
        self._report = report
        self._sequence = 1
        self._neighbours: dict[str, control_pb2.Endpoint] = {}
        self._unconfirmed: dict[int, control_pb2.Position] = {}
        self._has_left = False

    def take(self, update: control_pb2.Update) -> None:
        """The control plane says what is new."""
        self._knowledge.apply(update)
        try:
            write_snapshot(self._state_dir, self._knowledge.to_saved())
        except OSError as error:  # the mesh goes on; a restart without control plane would be old
            reason = error.strerror or str(error)
            logger.error("snapshot.not_saved", extra={"reason": reason})  # noqa: TRY400
        self._sequence += 1
        position = control_pb2.Position()
        position.CopyFrom(update.position)
        self._unconfirmed[self._sequence] = position
        self._pass_on()

    def leave(self) -> None:
        """From now on the cells of this host take no new calls from other hosts."""
        self._has_left = True
        self._report([])

    def view_of(self, cell: SupervisedCell) -> cell_pb2.View:
        """See `supervisor.Mesh`."""
        neighbours = [at for name, at in self._neighbours.items() if name != cell.name]
        view = cell_view(self._knowledge, cell.start, neighbours)
        view.sequence = self._sequence
        return view

    def cell_changed(self, cell: SupervisedCell) -> None:
        """See `supervisor.Mesh`."""
        endpoint = self._endpoint(cell, f"unix:{cell.unix_path}") if _is_callable(cell) else None
        if endpoint == self._neighbours.get(cell.name):
            self._confirm_progress()
            return
        if endpoint is None:
            del self._neighbours[cell.name]
        else:
            self._neighbours[cell.name] = endpoint
        self._sequence += 1
        self._pass_on()
        if not self._has_left:
            self._report(self._public_endpoints())

    def _pass_on(self) -> None:
        for cell in self.cells:
            cell.send_view()
        self._confirm_progress()

    def _confirm_progress(self) -> None:
        reached = min(
            (cell.view_sequence for cell in self.cells if cell.takes_views),
            default=self._sequence,
        )
        done = [sequence for sequence in self._unconfirmed if sequence <= reached]
        if done:
            self._confirm(self._unconfirmed[max(done)])
        for sequence in done:
            del self._unconfirmed[sequence]

    def _public_endpoints(self) -> list[control_pb2.Endpoint]:
        """Where other hosts reach the cells that serve."""
        peers = self._agent.peers
        if peers is None:
            return []
        host = f"[{peers.advertise}]" if ":" in peers.advertise else peers.advertise
        return [
            self._endpoint(cell, f"{host}:{cell.peer_port}")
            for cell in self.cells
            if cell.serving.is_set() and cell.peer_port
        ]

    def _endpoint(self, cell: SupervisedCell, address: str) -> control_pb2.Endpoint:
        return control_pb2.Endpoint(
            id=f"{self._agent.name}/{cell.name}/{cell.incarnation}",
            agent=self._agent.name,
            cell=cell.name,
            address=address,
            workers=[worker.id for worker in cell.start.workers],
        )


def _is_callable(cell: SupervisedCell) -> bool:
    return cell.serving.is_set() and cell.unix_path is not None
