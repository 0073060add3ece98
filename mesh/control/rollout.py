"""Which state of a binding its callers and its callees see while it changes. Pure.

A caller must not be told of a binding before its callee grants it, nor may the callee withdraw a
grant that a caller still uses; but a binding that is to end must end at the callee first. So a
change takes steps, and each waits for the agents that it tells something:

    grant:       callees: old + new ──► callers: new ──► callees: new
    revocation:  callees: none      ──► callers: none

A step ends when those agents have confirmed, or with its share of the time: an agent that does not
answer holds up nobody. Not waiting, sending, or who runs what: see `state`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mesh.control.stored import BindingSetting

CALLEES_SECONDS: Final = 1.0
"""How long callees have to confirm; as long as a callee that is behind makes a call wait."""

CALLERS_SECONDS: Final = 2.0
"""How long callers have; then the old grant ends, and their calls fail until they have heard."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is seen of one binding; None stands for "nothing set"."""

    callers: BindingSetting | None
    callees: tuple[BindingSetting | None, ...]


class Audience(Enum):
    """Whom a step tells something."""

    CALLERS = "callers"
    CALLEES = "callees"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change."""

    exposure: Exposure
    audience: Audience

    @property
    def seconds(self) -> float:
        """The longest that it may take."""
        return CALLEES_SECONDS if self.audience is Audience.CALLEES else CALLERS_SECONDS


def plan(shown: Exposure, after: BindingSetting | None, *, is_revocation: bool) -> tuple[Step, ...]:
    """The steps from what is shown now, in the middle of another change or not, to `after`."""
    done = Exposure(after, (after,))
    if is_revocation:
        return (
            Step(Exposure(shown.callers, (after,)), Audience.CALLEES),
            Step(done, Audience.CALLERS),
        )
    both = shown.callees if after in shown.callees else (*shown.callees, after)
    return (
        Step(Exposure(shown.callers, both), Audience.CALLEES),
        Step(Exposure(after, both), Audience.CALLERS),
        Step(done, Audience.CALLEES),
    )


@dataclass(slots=True, kw_only=True)
class Rollout:
    """One binding on its way to what is stored."""

    steps: tuple[Step, ...]
    """Those still to come, the present one first; never empty."""

    granted: tuple[BindingSetting | None, ...]
    """Every state that callees may have granted on the way."""

    revision: int
    """Since when the present step is shown."""

    deadline: float = 0.0
    """When the present step ends at the latest."""

    audience: frozenset[str] = frozenset()
    """The ids of the agents that the present step tells something."""

    @property
    def step(self) -> Step:
        """The present step."""
        return self.steps[0]
