"""Which state of a binding its callers and its callees see while it changes. Pure.

A caller must not be told of a binding before its callee grants it, nor may the callee withdraw a
grant that a caller still uses; but a binding that is to end must end at the callee first. So a
change takes steps, and each waits for the agents that it tells something:

    grant:       callees: old + new ──► callers: new ──► callees: new
                 wait: reachable        wait: all        wait: connected
    revocation:  callees: none      ──► callers: none
                 wait: connected        wait: connected

A step ends when those agents have confirmed, or when their time is over. Only the old grant of a
binding that leads elsewhere now has no such time: an agent without a session serves all the same,
and whoever hosts the caller may use the old way until it has heard of the new one, or is gone.
Not waiting, sending, or who runs what: see `state`. What is granted meanwhile is stored, see
`stored.Superseded`, so that a control plane that starts again goes on from the first step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from mesh.control.rejected import Rejected, Rejection
from mesh.control.stored import Superseded, is_same

if TYPE_CHECKING:
    from mesh.control.presence import Presence
    from mesh.control.stored import BindingSetting

CALLEES_SECONDS: Final = 1.0
"""How long callees have to confirm; as long as a callee that is behind makes a call wait."""

CALLERS_SECONDS: Final = 2.0
"""How long callers have to confirm that a binding has ended, which it has by then anyway."""

REJOIN_SECONDS: Final = 6.0
"""How long new callees without a session have to confirm: what an agent needs to join again after
the control plane has started, with a second to spare."""

SUPERSEDED_LIMIT: Final = 8
"""So many settings of one binding may be granted besides the present one, for callers that have
not confirmed it; then it cannot be changed again until they have, or are gone."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is seen of one binding; None stands for "nothing set"."""

    callers: BindingSetting | None
    callees: tuple[BindingSetting | None, ...]


class Audience(Enum):
    """Whom a step tells something."""

    CALLERS = "callers"
    CALLEES = "callees"


class Wait(Enum):
    """Which of them a step waits for."""

    CONNECTED = "connected"
    """Those with a session, for its share of the time."""

    REACHABLE = "reachable"
    """Also those that may soon have one again."""

    ALL = "all"
    """Everyone that has not left, however long it takes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change."""

    exposure: Exposure
    audience: Audience
    wait: Wait = Wait.CONNECTED

    def waits_until(self, began: float, presence: Presence) -> float:
        """How long this step, which began then, waits for an agent that has not confirmed."""
        if self.wait is Wait.ALL:
            return float("inf")
        if self.wait is Wait.REACHABLE:
            if not presence.is_connected:
                return min(began + REJOIN_SECONDS, presence.lease_ends_at)
            since = max(began, presence.connected_at)
            return min(since + CALLEES_SECONDS, began + REJOIN_SECONDS)
        if not presence.is_connected:
            return began
        return began + (CALLEES_SECONDS if self.audience is Audience.CALLEES else CALLERS_SECONDS)


def plan(shown: Exposure, after: BindingSetting | None, *, is_revocation: bool) -> tuple[Step, ...]:
    """The steps from what is shown now, in the middle of another change or not, to `after`."""
    done = Exposure(after, (after,))
    if is_revocation:
        return (
            Step(Exposure(shown.callers, (after,)), Audience.CALLEES),
            Step(done, Audience.CALLERS),
        )
    both = (*(setting for setting in shown.callees if not is_same(setting, after)), after)
    return (
        Step(Exposure(shown.callers, both), Audience.CALLEES, Wait.REACHABLE),
        Step(Exposure(after, both), Audience.CALLERS, Wait.ALL),
        Step(done, Audience.CALLEES),
    )


def superseded_by(shown: Exposure, after: BindingSetting | None) -> Superseded | None:
    """What stays granted besides `after` for the time being; `None`: nothing.

    Nothing that is no longer granted now: a revocation stands. Raises: Rejected.
    """
    others = [s for s in shown.callees if not is_same(s, after) and is_grant(s)]
    is_told = shown.callers not in others
    if not is_told:
        others.remove(shown.callers)
        others.insert(0, shown.callers)
    if len(others) > SUPERSEDED_LIMIT:
        raise Rejected(
            Rejection.TAKEN,
            f"the binding was changed {len(others)} times, and some agent of its caller has "
            "confirmed none of it: wait until `meshctl agents` shows it connected, stop it for "
            "good, or unbind first",
        )
    return Superseded(tuple(others), is_told) if others else None


def is_grant(setting: BindingSetting | None) -> bool:
    """Whether it may lead somewhere; what is not set may be declared."""
    return setting is None or setting.target is not None


def exposure_of(superseded: Superseded, present: BindingSetting | None) -> Exposure:
    """What is seen of a binding that was on its way when the control plane ended."""
    callers = present if superseded.is_told else superseded.settings[0]
    return Exposure(callers, superseded.settings)


@dataclass(slots=True, kw_only=True)
class Rollout:
    """One binding on its way to what is stored."""

    steps: tuple[Step, ...]
    """Those still to come, the present one first; never empty."""

    granted: tuple[BindingSetting | None, ...]
    """Every state that callees may have granted on the way."""

    revision: int
    """Since when the present step is shown."""

    began: float
    """When the present step began."""

    confirmed: set[str] = field(default_factory=set)
    """The ids of the agents that have confirmed the present step, be they still there or not."""

    @property
    def step(self) -> Step:
        """The present step."""
        return self.steps[0]

    def advance(self, revision: int, now: float) -> None:
        """Begin the next step, which is shown from that revision on."""
        self.steps = self.steps[1:]
        self.revision = revision
        self.began = now
        self.confirmed = set()
