"""Whether a link still lives, judged by silence; time comes in as an argument.

    quiet ──a while without a frame, while exchanges are open──▶ asked ──as long again──▶ lost
      ▲────────────────────────any frame────────────────────────────┘

The transport's own keepalive is answered by threads while the peer's event loop is stuck; a ping is
answered by the loop. It also tells when a link has not been used for long.
"""

from __future__ import annotations

import enum


class Verdict(enum.Enum):
    """What is to be done."""

    NOTHING = enum.auto()
    PING = enum.auto()
    LOST = enum.auto()
    IDLE = enum.auto()


class Liveness:
    """Judges one link. `check` should be called about every `period_seconds`."""

    def __init__(self, silence_seconds: float, idle_seconds: float, now: float) -> None:
        self._silence_seconds = silence_seconds
        self._idle_seconds = idle_seconds
        self._heard = self._checked = self._used = now
        self._asked: float | None = None
        self._newest = 0

    @property
    def period_seconds(self) -> float:
        """How often to check."""
        return min(self._silence_seconds, self._idle_seconds) / 8

    def heard(self, now: float) -> None:
        """A frame arrived."""
        self._heard = now
        self._asked = None

    def check(self, now: float, *, is_busy: bool, newest: int) -> Verdict:
        """`newest` is the number of the newest exchange."""
        if now - self._checked > self._silence_seconds:  # it was this end that could not hear
            self.heard(now)
        self._checked = now
        if is_busy or newest != self._newest:
            self._used = now
            self._newest = newest
        if not is_busy:
            self._asked = None
            is_idle = now - self._used >= self._idle_seconds
            return Verdict.IDLE if is_idle else Verdict.NOTHING
        if self._asked is not None:
            is_lost = now - self._asked >= self._silence_seconds
            return Verdict.LOST if is_lost else Verdict.NOTHING
        if now - self._heard >= self._silence_seconds:
            self._asked = now
            return Verdict.PING
        return Verdict.NOTHING
