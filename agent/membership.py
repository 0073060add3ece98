"""This agent's part in the mesh: who it is, what it knows, and its session.

An agent that has been in the mesh before runs on what it knew when the control plane is away; one
that has not cannot start without it.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING

from agent.distribution import Distribution
from agent.knowledge import Knowledge, on_its_own
from agent.manifest import manifests
from agent.saved import agent_id, read_snapshot
from agent.session import PROTOCOL, NoSessionError, Session
from mesh.errors import ConfigError, StartError
from mesh.v1 import control_pb2

if TYPE_CHECKING:
    from mesh.config import MeshConfig

logger = logging.getLogger(__name__)

KNOWN_SECONDS = 1.5
"""How long other hosts may take to hear of a change of cells; a little more than the control plane
waits for them."""

LEAVE_SECONDS = 1.0
"""How long a stopping agent tries to tell the control plane."""


class Membership:
    """The agent as a member of the mesh whose control plane is at `address`."""

    def __init__(self, config: MeshConfig, address: str) -> None:
        """Reads the state directory and the workers' files. Raises: ConfigError, StartError."""
        self._name = config.agent.name
        self._is_callable = config.agent.peers is not None
        self._agent_id = agent_id(config.state_dir)
        self._manifests = manifests(config)
        self._knowledge = Knowledge(read_snapshot(config.state_dir))
        self.session = Session(address, self)
        self.distribution = Distribution(
            self._knowledge,
            config.agent,
            config.state_dir,
            confirm=self.session.confirm,
            report=self.session.report,
        )

    def join(self) -> control_pb2.Join:
        """See `session.Member`."""
        knowledge = self._knowledge
        return control_pb2.Join(
            protocol=PROTOCOL,
            mesh=knowledge.mesh,
            agent_id=self._agent_id,
            agent=self._name,
            software=version("workermesh"),
            workers=self._manifests,
            position=None if knowledge.is_patched else knowledge.position,
        )

    def welcomed(self, mesh: str) -> None:
        """See `session.Member`."""
        self._knowledge.mesh = mesh

    def take(self, update: control_pb2.Update) -> None:
        """See `session.Member`."""
        self.distribution.take(update)

    def start(self) -> None:
        """The session's first attempt is over: go by what it brought, or else by the disk.

        Raises: ConfigError where the control plane refuses this agent; StartError where it is away
        and nothing is known.
        """
        try:
            problems = self.session.first.result()
        except NoSessionError as error:
            self._start_alone(error)
            return
        if problems:
            raise ConfigError(problems)

    def _start_alone(self, error: NoSessionError) -> None:
        address, position = self.session.address, self._knowledge.position
        if not position.epoch and error.was_answered:
            raise StartError(f"{address}: the control plane there takes no session: {error}")
        if not position.epoch:
            raise StartError(
                f"{address}: no control plane answers there ({error}); start one with "
                "mesh-control start, or say with --control where it is"
            )
        logger.warning(
            "session.away",
            extra={"control": address, "reason": str(error), "revision": position.revision},
        )
        self._knowledge.patch(on_its_own(self._knowledge, self._manifests))

    async def wait_known(self) -> None:
        """Wait until other hosts know the cells of this one, for a while."""
        if self._is_callable:
            await self.session.wait_cells_known(KNOWN_SECONDS)

    async def withdraw(self) -> None:
        """Let no other host call the cells of this one any more."""
        self.distribution.leave()
        await self.wait_known()

    async def leave(self) -> None:
        """Say goodbye, once the cells have ended."""
        await self.session.leave(LEAVE_SECONDS)
