"""`edge`: requests per second at the public edge, beside aiohttp without a mesh.

All servers are up for the whole run and share one core; wrk has another. Only one is loaded at a
time, in rounds that go through all of them, every other round backwards.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import servers
from bench.probe import HEADER, PATH, problem_with
from bench.process import CpuTime, pin, rss_mib
from bench.progress import tell
from bench.report import Goal, Section
from bench.series import Series
from bench.spread import Spread
from bench.wrk import CONNECTIONS, load


def run(*, quick: bool) -> dict[str, Section]:
    """Start everything, measure, stop everything."""
    rounds, seconds = (5, 1) if quick else (7, 4)
    cores = sorted(os.sched_getaffinity(0))
    own, theirs = cores[0], cores[-1]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, ExitStack() as stack:
        tell("edge: starting the servers")
        series = [
            Series(stack.enter_context(start(Path(scratch))))
            for start in (servers.bare, servers.example, servers.plain, servers.hello)
        ]
        for one in series:
            pin(one.server.pid, theirs)
            _measure(one, 1, own)
            one.forget()  # that was to warm up
        for index in range(rounds):
            for one in series if index % 2 == 0 else reversed(series):
                _measure(one, seconds, own)
            tell(f"edge: round {index + 1} of {rounds}: " + _latest(series))
    return {"edge": _section(series, shared_core=own == theirs)}


def _measure(one: Series, seconds: int, core: int) -> None:
    server = one.server
    before = CpuTime.of(server.pid)
    run = load(server.url + PATH, HEADER, seconds=seconds, core=core)
    after = CpuTime.of(server.pid)
    used = after.seconds - before.seconds
    one.loads.append(run)
    one.cpu_us.append(used / run.requests * 1e6)
    one.user_us.append((after.user_seconds - before.user_seconds) / run.requests * 1e6)
    one.busy.append(used * run.requests_per_second / run.requests)
    one.loaded_mib = rss_mib(server.pid)
    problem = problem_with(server.url, server.answer, is_guarded=server.is_guarded)
    one.problems.update({run.errors, problem} - {""})


def _latest(series: list[Series]) -> str:
    return ", ".join(
        f"{one.server.name} {one.loads[-1].requests_per_second:,.0f}/s" for one in series
    )


def _section(series: list[Series], *, shared_core: bool) -> Section:
    bare, example, *_ = series
    goals = [
        Goal(
            "example ÷ bare aiohttp",
            example.ratio_to(bare),
            "x",
            0.5,
            0.75,
            at_least=True,
            flaw=bare.flaw or example.flaw,
        ),
        Goal(
            "idle cell of the example",
            Spread.of([example.server.idle_mib]),
            " MiB",
            60,
            45,
            at_least=False,
        ),
    ]
    notes = [f"{one.server.name}: INVALID: {p}" for one in series for p in one.problems]
    notes += [
        f"{one.server.name}: had only {Spread.of(one.busy).median:.0%} of its core: run again on a "
        "quiet machine, or look at the ratio of the CPU times"
        for one in series
        if one.is_disturbed
    ]
    if shared_core:
        notes.append("there is only one core: wrk and the servers shared it")
    return Section(
        title=f"edge: {len(bare.loads)} rounds, {CONNECTIONS} connections, one core",
        header=[
            "server",
            "requests/s",
            "÷ bare",
            "by CPU time",
            "p50 ms",
            "p99 ms",
            "CPU µs (user)",
            "MiB idle, loaded",
        ],
        rows=[_row(one, bare) for one in series],
        goals=goals,
        details={"servers": [one.to_dict(bare) for one in series]},
        notes=notes,
    )


def _row(one: Series, bare: Series) -> list[str]:
    return [
        f"{one.server.name} {one.flaw}".strip(),
        Spread.of(one.rates()).show(),
        one.ratio_to(bare).show(2),
        f"{one.cpu_ratio_to(bare).median:.2f}",
        f"{Spread.of(run.p50_ms for run in one.loads).median:.2f}",
        f"{Spread.of(run.p99_ms for run in one.loads).median:.2f}",
        f"{Spread.of(one.cpu_us).median:.1f} ({Spread.of(one.user_us).median:.1f})",
        f"{one.server.idle_mib:.1f}, {one.loaded_mib:.1f}",
    ]
