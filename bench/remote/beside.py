"""Small calls while streams run on the same link, and the same calls without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.remote.rounds import Subject, flaw_of, notes_on, run_rounds
from bench.report import Goal, Section

if TYPE_CHECKING:
    from bench.remote.pairs import Pair

_STREAM_BYTES = 1 << 30
_KINDS = [
    ("link, 500/s at random", "link", "open"),
    ("link, one caller", "link", "closed"),
    ("aiohttp, 500/s at random", "http", "open"),
]
_CLIENT = "tcp"


def run(pairs: dict[str, Pair], *, quick: bool) -> Section:
    """Measure both systems; aiohttp has a connection of its own for the stream."""
    rounds, seconds = (2, 0.3) if quick else (5, 2.5)
    subjects = [
        Subject(
            title + (", beside a stream" if length else ""),
            pairs[system],
            {"do": "beside", "client": _CLIENT, "length": length, "seconds": seconds, "loop": loop},
            "p99_us",
        )
        for title, system, loop in _KINDS
        for length in (0, _STREAM_BYTES)
    ]
    run_rounds("beside a stream", subjects, rounds, _show, patient=not quick)
    compared = list(zip(subjects[::2], subjects[1::2], strict=True))
    return Section(
        title=f"remote calls beside a stream: {rounds} rounds of {seconds:g} s over TCP",
        header=["calls", "p50 µs", "p99 µs", "p99 ÷ without", "calls/s", "stream MiB/s"],
        rows=[_row(subject, alone) for alone, both in compared for subject in (alone, both)],
        goals=[
            Goal(
                f"p99 of {alone.title}: beside a stream ÷ without",
                both.ratio_to(alone),
                "x",
                3,
                1.5,
                at_least=False,
                flaw=flaw_of(alone, both),
            )
            for alone, both in compared
            if alone.pair.name == "link"
        ],
        details={"subjects": [subject.to_dict() for subject in subjects]},
        notes=notes_on(subjects),
    )


def _show(subject: Subject) -> str:
    return f"{subject.title} {subject.values()[-1]:,.0f} µs"


def _row(subject: Subject, alone: Subject) -> list[str]:
    streams: dict[str, Any] = subject.rounds[0].figures
    return [
        subject.title,
        subject.spread("p50_us").show(),
        subject.spread().show(),
        "" if subject is alone else subject.ratio_to(alone).show(2),
        f"{subject.spread('per_second').median:,.0f}",
        subject.spread("mib_per_second").show() if "mib_per_second" in streams else "",
    ]
