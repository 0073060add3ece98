"""Load by wrk: one run, and what it printed."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

CONNECTIONS = 64

_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


class WrkError(Exception):
    """wrk is not there, or printed what is not understood."""


@dataclass(frozen=True, slots=True)
class Load:
    """One run. `errors` is empty where every answer came and had a status of 2xx or 3xx."""

    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: str


def load(url: str, header: str, *, seconds: int, core: int) -> Load:
    """Keep `CONNECTIONS` connections busy from one thread on `core`. Raises: WrkError."""
    command = ["wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s"]
    command += ["--latency", f"--header={header}", url]
    try:
        done = subprocess.run(
            ["taskset", "--cpu-list", str(core), *command],
            capture_output=True,
            text=True,
            timeout=seconds + 30,
            check=True,
        )
    except FileNotFoundError as error:
        raise WrkError(f"{error.filename} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise WrkError(f"{' '.join(command)}: {error.stderr.strip()}") from None
    return parse(done.stdout)


def parse(text: str) -> Load:
    """What wrk printed. Raises: WrkError."""
    found = re.findall(r"^\s*(?:Socket errors: |Non-2xx or 3xx responses: ).*", text, re.MULTILINE)
    return Load(
        requests=int(_find(r"(\d+) requests in ", text)[1]),
        requests_per_second=float(_find(r"Requests/sec:\s+([\d.]+)", text)[1]),
        p50_ms=_milliseconds("50", text),
        p99_ms=_milliseconds("99", text),
        errors="; ".join(line.strip() for line in found),
    )


def _milliseconds(percentile: str, text: str) -> float:
    found = _find(rf"^\s+{percentile}%\s+([\d.]+)(us|ms|s|m)$", text)
    return float(found[1]) * _UNITS_MS[found[2]]


def _find(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise WrkError(f"no {pattern!r} in what wrk printed:\n{text}")
    return found
