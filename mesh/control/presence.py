"""What is known of one agent besides what is stored: whether it is there, and what it has. Pure.

    connected ──session ends──► lost ──lease──► stale ──an hour──► forgotten
        ▲  │                      │               ▲ │
        │  └──silent for the lease─┼───────────────┘ │
        └──────joins──────────────┴─────────────────┘

An agent that joins again stays stale until it has named its cells: those known may be gone.
Nothing of this outlives the control plane: at its start every agent counts as heard of just then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mesh.control.view import View, difference
from mesh.v1.control_pb2 import Position, Update

if TYPE_CHECKING:
    from mesh.control.stored import Stored

HEARTBEAT_SECONDS: Final = 3.0
"""Three may be lost within a lease."""

LEASE_SECONDS: Final = 10.0
"""After so long a silence an agent's endpoints are tried last."""

FORGET_SECONDS: Final = 3600.0
"""After so long a silence an agent's workers are no longer part of the mesh."""


@dataclass(frozen=True, slots=True)
class KnownView:
    """A view that an agent has, or will have when it has read what was sent."""

    revision: int
    view: View


@dataclass(slots=True, kw_only=True)
class Presence:
    """One registered agent as it is observed."""

    heard_at: float
    """The last sign of life."""

    is_connected: bool = False
    """Whether it has a session."""

    connected_at: float = 0.0
    """When its last session began."""

    is_stale: bool = False
    """Whether its endpoints are to be tried last."""

    view: View = field(default_factory=dict)
    """What it is to know; kept up only while it is connected."""

    view_revision: int = 0
    """When that changed last."""

    is_due: bool = False
    """Whether it must be sent something, be it empty."""

    acked_revision: int = 0
    """What it has confirmed in this session."""

    sent: KnownView | None = None
    """What it was sent last; `None`: it must get a snapshot."""

    confirmed: KnownView | None = None
    """What it is known to have."""

    @property
    def lease_ends_at(self) -> float:
        """When it counts as gone, unless it is heard of until then."""
        return self.heard_at + LEASE_SECONDS

    def connect(self, stored: Stored, position: Position | None, now: float) -> None:
        """A session begins; the agent says up to where it knows the mesh."""
        self.heard_at = self.connected_at = now
        self.is_connected = True
        self.is_due = True
        self.acked_revision = 0
        self.view_revision = stored.revision
        candidates = (self.confirmed, self.sent)
        self.sent = next(
            (
                known
                for known in candidates
                if known is not None
                and position is not None
                and (position.epoch, position.revision) == (stored.epoch, known.revision)
            ),
            None,
        )
        self.confirmed = self.sent

    def see(self, view: View, revision: int) -> bool:
        """Take over what the agent is to know. Returns whether there is something to send."""
        if view != self.view:
            self.view = view
            self.view_revision = revision
            self.is_due = True
        return self.is_due

    def next_update(self, stored: Stored) -> Update | None:
        """What to send now, taken as sent; `None`: nothing."""
        if not (self.is_connected and self.is_due):
            return None
        before = self.sent.view if self.sent is not None else {}
        resources, removed = difference(before, self.view)
        update = Update(
            position=Position(epoch=stored.epoch, revision=stored.revision),
            is_snapshot=self.sent is None,
            resources=resources,
            removed=removed,
        )
        self.sent = KnownView(stored.revision, self.view)
        self.is_due = False
        return update

    def ack(self, position: Position, epoch: str) -> None:
        """The agent has brought an update into effect."""
        if self.sent is None or position.epoch != epoch or position.revision > self.sent.revision:
            return
        self.acked_revision = max(self.acked_revision, position.revision)
        if position.revision == self.sent.revision:
            self.confirmed = self.sent

    def has_confirmed(self, revision: int) -> bool:
        """Whether it has everything that it had to know at `revision`."""
        return self.is_connected and self.acked_revision >= min(revision, self.view_revision)
