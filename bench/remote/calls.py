"""Small calls: how many 64 callers get done, and how long one caller waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.remote.rounds import Subject, flaw_of, notes_on, run_rounds
from bench.report import Goal, Section

if TYPE_CHECKING:
    from bench.remote.pairs import Pair

CALLERS = 64

_SYSTEMS = [
    ("link, TCP", "link", "tcp"),
    ("link, Unix", "link", "unix"),
    ("grpc.aio unary, TCP", "unary", "tcp"),
    ("aiohttp, TCP", "http", "tcp"),
    ("aiohttp, Unix", "http", "unix"),
]


def run(pairs: dict[str, Pair], *, quick: bool) -> Section:
    """Measure both."""
    rounds, seconds = (2, 0.2) if quick else (5, 1.5)
    many = _subjects(pairs, CALLERS, seconds, "per_second")
    one = _subjects(pairs, 1, seconds, "p50_us")
    for subject in many:
        subject.pair.measure(patient=False, **{**subject.order, "seconds": 0.2})  # to warm up
    run_rounds("64 callers", many, rounds, _show_rate, patient=not quick)
    run_rounds("1 caller", one, rounds, _show_p50, patient=not quick)
    for pair in pairs.values():
        pair.settle()
    return _section(many, one)


def _subjects(pairs: dict[str, Pair], callers: int, seconds: float, figure: str) -> list[Subject]:
    return [
        Subject(
            title,
            pairs[system],
            {"do": "calls", "client": client, "callers": callers, "seconds": seconds},
            figure,
        )
        for title, system, client in _SYSTEMS
    ]


def _show_rate(subject: Subject) -> str:
    return f"{subject.title} {subject.values()[-1]:,.0f}/s"


def _show_p50(subject: Subject) -> str:
    return f"{subject.title} {subject.values()[-1]:,.0f} µs"


def _section(many: list[Subject], one: list[Subject]) -> Section:
    link, _, unary, http, _ = many
    link_alone, _, _, http_alone, _ = one
    goals = [
        Goal(
            "64 callers: link ÷ grpc.aio unary",
            link.ratio_to(unary),
            "x",
            5,
            10,
            at_least=True,
            flaw=flaw_of(link, unary),
        ),
        Goal(
            "64 callers: link ÷ aiohttp",
            link.ratio_to(http),
            "x",
            2,
            3,
            at_least=True,
            flaw=flaw_of(link, http),
        ),
        Goal(
            "one caller, p50: link ÷ aiohttp",
            link_alone.ratio_to(http_alone),
            "x",
            2.5,
            1.2,
            at_least=False,
            flaw=flaw_of(link_alone, http_alone),
        ),
    ]
    return Section(
        title=f"remote calls: {len(link.rounds)} rounds, 5 header fields and 100 B each way",
        header=[
            "system",
            f"{CALLERS} callers: calls/s",
            "CPU µs: caller + callee",
            "1 caller: p50 µs",
            "p99 µs",
            "CPU µs",
        ],
        rows=[_row(of_many, of_one) for of_many, of_one in zip(many, one, strict=True)],
        goals=goals,
        details={
            "many": [subject.to_dict() for subject in many],
            "one": [subject.to_dict() for subject in one],
        },
        notes=notes_on([*many, *one]),
    )


def _row(many: Subject, one: Subject) -> list[str]:
    return [
        many.title,
        many.spread().show(),
        " + ".join(f"{spread.median:.1f}" for spread in many.cpu_us("calls")),
        one.spread().show(),
        one.spread("p99_us").show(),
        " + ".join(f"{spread.median:.0f}" for spread in one.cpu_us("calls")),
    ]
