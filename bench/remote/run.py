"""The three tables of `remote`, from one run of all processes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.progress import tell
from bench.remote import beside, calls, streams
from bench.remote.certificates import Certificates
from bench.remote.pairs import start

if TYPE_CHECKING:
    from bench.report import Section

SYSTEMS = ["link", "unary", "http"]


def run(*, quick: bool) -> dict[str, Section]:
    """Start everything, measure, stop everything."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        directory = Path(scratch)
        Certificates.issue(directory)
        tell("remote: starting the processes")
        with start(SYSTEMS, directory, (cores[0], cores[-1])) as pairs:
            sections = {
                "remote calls": calls.run(pairs, quick=quick),
                "remote streams": streams.run(pairs, quick=quick),
                "remote calls beside a stream": beside.run(pairs, quick=quick),
            }
    if cores[0] == cores[-1]:
        for section in sections.values():
            section.notes.append("there is only one core: caller and callee shared it")
    return sections
