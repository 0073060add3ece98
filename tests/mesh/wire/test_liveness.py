"""When silence means that a link is lost."""

from __future__ import annotations

from mesh.wire.liveness import Liveness, Verdict


def check(liveness: Liveness, now: float, *, is_busy: bool = True, newest: int = 1) -> Verdict:
    return liveness.check(now, is_busy=is_busy, newest=newest)


def test_silence_is_asked_about_and_then_fatal() -> None:
    """Two seconds, a ping, two seconds more."""
    liveness = Liveness(2, 300, 0)
    verdicts = {tick / 4: check(liveness, tick / 4) for tick in range(1, 18)}
    assert [
        (now, verdict) for now, verdict in verdicts.items() if verdict is not Verdict.NOTHING
    ] == [
        (2.0, Verdict.PING),
        (4.0, Verdict.LOST),
        (4.25, Verdict.LOST),
    ]


def test_any_frame_is_a_sign_of_life() -> None:
    """It need not be the answer."""
    liveness = Liveness(2, 300, 0)
    check(liveness, 1)
    assert check(liveness, 2) is Verdict.PING
    liveness.heard(3)
    assert check(liveness, 4) is Verdict.NOTHING
    assert check(liveness, 5) is Verdict.PING


def test_loop_that_was_stuck_blames_nobody() -> None:
    """Frames may have been waiting for it."""
    liveness = Liveness(2, 300, 0)
    check(liveness, 1)
    assert check(liveness, 2) is Verdict.PING
    assert check(liveness, 60) is Verdict.NOTHING
    assert check(liveness, 61) is Verdict.NOTHING
    assert check(liveness, 62) is Verdict.PING


def test_link_without_exchanges_is_idle_after_a_while() -> None:
    """Counted from the last exchange, even one between two checks."""
    liveness = Liveness(2, 10, 0)
    verdicts = [check(liveness, now, is_busy=False, newest=now // 5) for now in range(1, 16)]
    assert Verdict.IDLE not in verdicts
    liveness = Liveness(2, 10, 0)
    verdicts = [check(liveness, now, is_busy=False, newest=0) for now in range(1, 11)]
    assert verdicts[-1] is Verdict.IDLE
    assert Verdict.IDLE not in verdicts[:-1]
