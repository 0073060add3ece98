"""The running control plane: the core, its store, its clock, and who waits for what.

Everything that changes the mesh is synchronous: decided, stored, adopted, and only then told. The
gRPC services translate; they neither decide nor store.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mesh.control.admission import refusal_of, register, with_cells, with_leave
from mesh.control.rejected import Rejected, Rejection
from mesh.control.room import wrong_with_size
from mesh.control.state import MeshState
from mesh.v1.control_pb2 import Refusal, RefusalReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mesh.control.store import Store
    from mesh.control.stored import BindingKey, Stored
    from mesh.v1.control_pb2 import Cells, Join, Position, Update

logger = logging.getLogger(__name__)

CONFIRM_SECONDS: Final = 5.0
"""How long a write waits for the agents unless it says otherwise."""

CONFIRM_LIMIT_SECONDS: Final = 60.0
"""The longest that a write may ask to wait."""

CELLS_KNOWN_SECONDS: Final = 1.0
"""How long an agent waits at most until others know its cells."""

_TICK_SECONDS: Final = 1.0
_STALL_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """An agent has named its cells, and wants to know when those that call them have heard."""

    number: int
    """The agent's own, which it gets back."""
    revision: int
    callers: frozenset[str]
    """The ids of the agents that are told of them."""
    deadline: float


@dataclass(eq=False, slots=True)
class AgentSession:
    """One agent's session, as its writer sees it: what is to be said, and why it ends."""

    agent_id: str
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    owes_heartbeat: bool = False
    announcement: Announcement | None = None
    """The newest cells, until others know them."""
    owed_cells_known: int | None = None
    """The number of the cells of which others know, until the agent has been told."""
    reason: str = ""
    """Why it has ended, if not because the agent ended it."""
    kind: Rejection = Rejection.UNAVAILABLE
    """What the agent can do about that."""

    def end(self, reason: str, kind: Rejection = Rejection.UNAVAILABLE) -> None:
        """Let it end; the first reason stands."""
        if not self.ended.is_set():
            self.reason, self.kind = reason, kind
            self.ended.set()


class Bell:
    """Wakes all who wait for a change, each time it rings."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        """Set when it rings the next time."""
        return self._event

    def ring(self) -> None:
        """Wake those who wait now."""
        self._event.set()
        self._event = asyncio.Event()


class Plane:
    """One mesh's control plane within one event loop."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._changed = Bell()
        self._sessions: dict[str, AgentSession] = {}
        self._is_closing = False
        self._alive_at = clock()
        self.state = MeshState(store.saved, clock())

    # What agents say.

    def join(self, join: Join, position: Position | None) -> AgentSession | Refusal:
        """Begin a session, which ends an older one of the same agent. Raises: Rejected."""
        now = self._clock()
        refusal = refusal_of(join, self.state, now)
        if refusal is not None:
            return refusal
        stored = register(join, self.state.stored)
        if stored is not self.state.stored:
            targets = [b.target for manifest in join.workers for b in manifest.bindings]
            agent_ids = {join.agent_id, *self.state.index.hosts_of(targets)}
            if wrong := wrong_with_size(self.state, stored, agent_ids):
                fix = "give it fewer workers, or make their bindings and vars smaller"
                where = f"agent {join.agent}"
                return Refusal(reasons=[RefusalReason(where=where, reason=wrong, fix=fix)])
        self._take(stored)
        if (older := self._sessions.pop(join.agent_id, None)) is not None:
            older.end("a newer session of the same agent has begun", Rejection.STALE)
        session = self._sessions[join.agent_id] = AgentSession(join.agent_id)
        self.state.connect(join.agent_id, position, now)
        logger.info("agent.joined", extra={"agent": join.agent, "workers": len(join.workers)})
        self._settle()
        if self._is_closing:
            session.end("the control plane stops")
        return session

    def hear(self, session: AgentSession) -> bool:
        """Note a sign of life. Returns whether the session is still that of its agent."""
        if self._sessions.get(session.agent_id) is not session:
            return False
        self.state.hear(session.agent_id, self._clock())
        return True

    def ack(self, session: AgentSession, position: Position) -> None:
        """An agent has brought an update into effect."""
        self.state.agents[session.agent_id].ack(position, self.state.stored.epoch)
        self._settle()

    def replace_cells(self, session: AgentSession, cells: Cells) -> None:
        """An agent names its cells. Raises: Rejected."""
        stored = with_cells(self.state.stored, session.agent_id, cells)
        presence = self.state.agents[session.agent_id]
        if presence.is_stale:
            presence.is_stale = False
            stored = stored if stored is not self.state.stored else stored.changed()
        before = self.state.callers_of(session.agent_id)
        self._take(stored, must_be_durable=False)
        callers = frozenset(before | self.state.callers_of(session.agent_id))
        deadline = self._clock() + CELLS_KNOWN_SECONDS
        session.announcement = Announcement(
            cells.number, self.state.stored.revision, callers, deadline
        )
        self._settle()

    def leave(self, session: AgentSession) -> None:
        """An agent takes its workers out of the mesh."""
        del self._sessions[session.agent_id]
        self.state.disconnect(session.agent_id)
        self._take(with_leave(self.state.stored, session.agent_id), must_be_durable=False)
        session.end("")

    def disconnect(self, session: AgentSession) -> None:
        """A session is over; another one of the same agent may have begun."""
        session.end("")
        if self._sessions.get(session.agent_id) is session:
            del self._sessions[session.agent_id]
            self.state.disconnect(session.agent_id)
            self._settle()

    def next_update(self, session: AgentSession) -> Update | None:
        """What to send in a session now, taken as sent."""
        return self.state.next_update(session.agent_id)

    # What people say.

    async def write(
        self,
        stored: Stored,
        wait_seconds: float,
        *,
        keys: Iterable[BindingKey] = (),
        workers: Iterable[str] = (),
    ) -> list[str]:
        """Make a change of bindings or of the vars of workers, and wait for the agents.

        Returns the names of the agents that have not confirmed in time. Cancelled, the change
        stands. Raises: Rejected; then it does not.
        """
        keys = set(keys)
        before = self.state.stored
        concerned: set[str] = set()
        for worker in workers:
            concerned |= self.state.index.hosts.get(worker, set())
        for key in keys:
            settings = (before.bindings.get(key), stored.bindings.get(key))
            concerned |= self.state.concerned(key, *settings)
        if stored is not before and (wrong := wrong_with_size(self.state, stored, concerned)):
            raise Rejected(Rejection.INVALID, wrong)
        self._take(stored)
        seconds = min(wait_seconds or CONFIRM_SECONDS, CONFIRM_LIMIT_SECONDS)
        return await self._wait_confirmed(keys, concerned, self._clock() + seconds)

    async def _wait_confirmed(
        self, keys: set[BindingKey], concerned: set[str], deadline: float
    ) -> list[str]:
        revision: int | None = None
        while True:
            ring = self._changed.next_ring()
            if revision is None and not any(map(self.state.is_waiting_for, keys)):
                revision = self.state.stored.revision
            if any(self.state.has_untold_callers(key) for key in keys):
                missing = self.state.present(concerned)
            else:
                until = self.state.stored.revision if revision is None else revision
                missing = self.state.unconfirmed(concerned, until)
            is_waiting = any(self.state.agents[agent_id].is_connected for agent_id in missing)
            is_done = revision is not None and not is_waiting
            if is_done or self._is_closing or self._clock() >= deadline:
                return sorted(self.state.stored.registrations[a].agent for a in missing)
            try:
                async with asyncio.timeout_at(deadline):
                    await ring.wait()
            except TimeoutError:
                pass  # the loop sees it by its clock

    # What time does.

    async def keep_time(self) -> None:
        """Let leases and rollouts end in time, for ever."""
        while True:
            now = self._alive_at = self._clock()
            ring = self._changed.next_ring()
            announced = [a.deadline for s in self._sessions.values() if (a := s.announcement)]
            deadline = min((self.state.next_deadline(), *announced))
            if deadline == float("inf"):
                await ring.wait()
                continue
            wake_at = max(min(deadline, now + _TICK_SECONDS), now + 0.01)
            try:
                async with asyncio.timeout_at(wake_at):
                    await ring.wait()
            except TimeoutError:
                self._settle()

    def close(self) -> None:
        """End all sessions and waits. For the agents that is no news of each other."""
        self._is_closing = True
        for session in list(self._sessions.values()):
            session.end("the control plane stops")
        self._changed.ring()

    def _settle(self) -> None:
        """Do what time and confirmations allow."""
        self._forgive_own_stall()
        while True:
            effects = self.state.tick(self._clock())
            for agent_id in effects.silent:
                logger.warning("agent.silent", extra={"agent_id": agent_id})
                self._sessions.pop(agent_id).end("nothing was heard from the agent; join again")
            if effects.stored is None:
                break
            self._adopt(effects.stored, must_be_durable=False)
        for session in self._sessions.values():
            self._answer_announcement(session)
        self._changed.ring()

    def _answer_announcement(self, session: AgentSession) -> None:
        """Let an agent know that others know its cells, or have had their time."""
        announced = session.announcement
        if announced is None:
            return
        connected = {a for a in announced.callers if self.state.is_connected(a)}
        missing = self.state.unconfirmed(connected, announced.revision)
        if not missing or self._clock() >= announced.deadline:
            session.announcement = None
            session.owed_cells_known = announced.number
            session.wake.set()

    def _forgive_own_stall(self) -> None:
        """If this process stood still, the agents' words are still to be read."""
        now = self._clock()
        late = now - self._alive_at - _TICK_SECONDS
        if self.state.agents and late > _STALL_SECONDS:
            logger.warning("control.stood_still", extra={"seconds": round(late, 1)})
            self.state.forgive(late, now)
        self._alive_at = now

    def _take(self, stored: Stored, *, must_be_durable: bool = True) -> None:
        if stored is not self.state.stored:
            stored = self.state.with_superseded(stored)
            self._adopt(stored, must_be_durable=must_be_durable)
            self._settle()

    def _adopt(self, stored: Stored, *, must_be_durable: bool) -> None:
        """Store, then let it take effect, then wake those who have something to send.

        What agents can tell again, and a bare rise of the revision, hold although they cannot be
        stored: a full disk must not hide from anybody that a cell has moved.
        """
        try:
            self._store.save(stored)
        except Rejected as error:
            if must_be_durable:
                raise
            logger.warning("store.failed", extra={"reason": str(error)})
        for agent_id in self.state.adopt(stored, self._clock()):
            if (session := self._sessions.get(agent_id)) is not None:
                session.wake.set()
