"""Caller and callee of one system, and what one measurement of them gives."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.process import (
    cpu_seconds,
    machine_cpu_seconds,
    peak_rss_mib,
    reset_peak_rss,
    rss_mib,
)
from bench.remote.driven import Driven

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUIET = 0.1
"""Others that take more than this share of a core spoil a measurement."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement.

    `figures` is what the caller found. CPU is of the whole process, growth the peak of resident
    memory above that at the start of the run. `others` is the share of one core that was used by
    processes which do not belong to the measurement.
    """

    figures: dict[str, Any]
    cpu_seconds: tuple[float, float]
    growth_mib: tuple[float, float]
    others: float


class Pair:
    """The two processes of one system. They are up, but not connected, once they are made."""

    def __init__(self, name: str, caller: Driven, callee: Driven) -> None:
        self.name = name
        self._caller = caller
        self._callee = callee
        self._base_mib = (0.0, 0.0)

    def connect(self) -> None:
        """Let the caller make a client for every address; their memory from now on is growth."""
        self._caller.hear()
        self.addresses = self._callee.hear()
        self._caller.ask(do="connect", addresses=self.addresses)

    def settle(self) -> None:
        """What is resident now is not growth."""
        self._base_mib = (rss_mib(self._caller.pid), rss_mib(self._callee.pid))

    def measure(self, *, patient: bool, **order: Any) -> Measured:
        """Have the caller carry out `order`; if `patient`, again while others disturb it.

        Gives the least disturbed measurement.
        """
        measured = self._measure(order)
        for _ in range(_ATTEMPTS - 1 if patient else 0):
            if measured.others <= QUIET:
                break
            measured = min(measured, self._measure(order), key=lambda one: one.others)
        return measured

    def _measure(self, order: dict[str, Any]) -> Measured:
        pids = (self._caller.pid, self._callee.pid)
        for pid in pids:
            reset_peak_rss(pid)
        began, machine, own = time.monotonic(), machine_cpu_seconds(), _cpu(pids)
        figures = self._caller.ask(**order)
        used = tuple(after - before for after, before in zip(_cpu(pids), own, strict=True))
        foreign = machine_cpu_seconds() - machine - sum(used)
        growth = [peak_rss_mib(pid) - base for pid, base in zip(pids, self._base_mib, strict=True)]
        return Measured(
            figures=figures,
            cpu_seconds=(used[0], used[1]),
            growth_mib=(growth[0], growth[1]),
            others=max(0.0, foreign) / (time.monotonic() - began),
        )


@contextmanager
def start(systems: list[str], directory: Path, cores: tuple[int, int]) -> Iterator[dict[str, Pair]]:
    """Start all processes at once, the callers on the first core and the callees on the other."""
    with ExitStack() as stack:
        pairs = {}
        for name in systems:
            callee = Driven("bench.remote.callee", name, str(directory), core=cores[1])
            caller = Driven("bench.remote.caller", name, core=cores[0])
            callee, caller = stack.enter_context(callee), stack.enter_context(caller)
            pairs[name] = Pair(name, caller, callee)
        for pair in pairs.values():
            pair.connect()
        yield pairs


def _cpu(pids: tuple[int, int]) -> tuple[float, float]:
    return cpu_seconds(pids[0]), cpu_seconds(pids[1])
