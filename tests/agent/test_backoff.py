"""How long to wait before trying again."""

from __future__ import annotations

from agent.backoff import Backoff


def test_backoff_doubles_from_a_tenth_of_a_second_to_thirty() -> None:
    """Each delay is shortened by a fifth at most, and a reset begins anew."""
    backoff = Backoff(0.1, 30.0)
    for _ in range(2):
        expected = 0.1
        for _ in range(12):
            assert 0.8 * expected <= backoff.next_seconds() <= expected
            expected = min(expected * 2, 30.0)
        backoff.reset()
