"""Long bodies, one at a time, and what they do to the memory of both processes."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from bench.remote.envelope import CHUNK_BYTES
from bench.remote.rounds import Subject, flaw_of, notes_on, run_rounds
from bench.report import Goal, Section
from bench.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.remote.pairs import Pair

_DIRECTIONS = {"down": "callee → caller", "up": "caller → callee"}
_SYSTEMS = {"link": "link", "http": "aiohttp"}

_Streams = dict[tuple[str, str, str], Subject]
"""By the client's name, the direction and the system."""


def run(pairs: dict[str, Pair], *, quick: bool) -> Section:
    """Measure both systems in both directions, with TLS and without."""
    rounds, mib = (2, 64) if quick else (5, 1024)
    streams = {
        (client, direction, system): Subject(
            f"{_SYSTEMS[system]}, {client.upper()}, {_DIRECTIONS[direction]}",
            pairs[system],
            {"do": "stream", "client": client, "direction": direction, "length": mib << 20},
            "mib_per_second",
        )
        for client, direction, system in product(_clients(pairs), _DIRECTIONS, _SYSTEMS)
    }
    for subject in streams.values():
        subject.pair.measure(patient=False, **{**subject.order, "length": 16 << 20})  # to warm up
    run_rounds("streams", list(streams.values()), rounds, _show, patient=not quick)
    return Section(
        title=f"remote streams: {rounds} rounds of {mib} MiB in pieces of {CHUNK_BYTES >> 10} KiB",
        header=["stream", "MiB/s", "÷ aiohttp", "CPU s/GiB", "growth MiB: caller, callee"],
        rows=[_row(key, streams) for key in streams],
        goals=list(_goals(streams)),
        details={"streams": [subject.to_dict() for subject in streams.values()]},
        notes=notes_on(list(streams.values())),
    )


def _clients(pairs: dict[str, Pair]) -> list[str]:
    return [name for name in ("tls", "tcp") if all(name in pairs[s].addresses for s in _SYSTEMS)]


def _show(subject: Subject) -> str:
    return f"{subject.title} {subject.values()[-1]:,.0f}"


def _goals(streams: _Streams) -> Iterator[Goal]:
    for (client, direction, system), subject in streams.items():
        if client != "tls" or system != "link":
            continue
        http = streams[client, direction, "http"]
        yield Goal(
            f"TLS, {_DIRECTIONS[direction]}: link ÷ aiohttp",
            subject.ratio_to(http),
            "x",
            0.8,
            1,
            at_least=True,
            flaw=flaw_of(subject, http),
        )
    links = [subject for (_, _, system), subject in streams.items() if system == "link"]
    for side, name in enumerate(("caller", "callee")):
        peaks = [measured.growth_mib[side] for link in links for measured in link.rounds]
        worst = Spread.of([max(peaks)])
        yield Goal(f"growth of the link's {name}", worst, " MiB", 32, 32, at_least=False)


def _row(key: tuple[str, str, str], streams: _Streams) -> list[str]:
    subject = streams[key]
    mib = subject.order["length"] / 2**20
    seconds = [
        Spread.of(measured.cpu_seconds[side] / mib * 1024 for measured in subject.rounds).median
        for side in (0, 1)
    ]
    return [
        subject.title,
        subject.spread().show(),
        subject.ratio_to(streams[key[0], key[1], "http"]).show(2),
        " + ".join(f"{value:.2f}" for value in seconds),
        ", ".join(f"{spread.high:.1f}" for spread in subject.growth_mib),
    ]
