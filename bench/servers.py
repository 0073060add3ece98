"""The servers that are compared: the mesh with the example, and what stands beside it."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.probe import ANSWER
from bench.process import find_child, rss_mib, running

if TYPE_CHECKING:
    from collections.abc import Iterator

_REPOSITORY = Path(__file__).resolve().parent.parent
_EXAMPLE = _REPOSITORY / "examples" / "auth-gateway"
_HELLO = Path(__file__).resolve().parent / "samples" / "hello.py"


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs. `pid` is the process that answers; `idle_mib` its memory before any load."""

    name: str
    url: str
    pid: int
    answer: bytes
    is_guarded: bool
    idle_mib: float


@contextmanager
def example(scratch: Path) -> Iterator[Server]:
    """gateway → auth → application in one cell."""
    directory = scratch / _EXAMPLE.name
    shutil.copytree(_EXAMPLE, directory, ignore=shutil.ignore_patterns(".dev.vars", "__pycache__"))
    shutil.copy(directory / "auth" / ".dev.vars.example", directory / "auth" / ".dev.vars")
    with _agent("example", [str(directory)], scratch) as (url, cell, idle_mib):
        yield Server("mesh: example", url, cell, ANSWER, is_guarded=True, idle_mib=idle_mib)


@contextmanager
def hello(scratch: Path) -> Iterator[Server]:
    """One worker that says hello."""
    arguments = [str(_HELLO), "--edge", "hello"]
    with _agent("hello", arguments, scratch) as (url, cell, idle_mib):
        yield Server("mesh: hello", url, cell, b"Hello", is_guarded=False, idle_mib=idle_mib)


@contextmanager
def bare(scratch: Path) -> Iterator[Server]:  # noqa: ARG001 - the shape of all four
    """aiohttp answering constant bytes."""
    with _script("bench.bare_server") as (pid, url):
        yield Server("aiohttp: bare", url, pid, ANSWER, is_guarded=False, idle_mib=rss_mib(pid))


@contextmanager
def plain(scratch: Path) -> Iterator[Server]:  # noqa: ARG001 - the shape of all four
    """The example as one aiohttp handler."""
    with _script("bench.plain_server") as (pid, url):
        yield Server("aiohttp: example", url, pid, ANSWER, is_guarded=True, idle_mib=rss_mib(pid))


@contextmanager
def _agent(name: str, arguments: list[str], scratch: Path) -> Iterator[tuple[str, int, float]]:
    """An agent as production starts it. Gives the URL, the cell's pid and its memory."""
    command = [str(Path(sys.executable).with_name("mesh-agent")), "start", *arguments]
    command += ["--state-dir", str(scratch / f"{name}-state"), "--log-level", "WARNING"]
    command += ["--edge-listen", "127.0.0.1:0"]
    with running(command, scratch) as (agent, url):
        cell = find_child(agent, "agent.cell")
        yield url, cell, rss_mib(cell)


@contextmanager
def _script(module: str) -> Iterator[tuple[int, str]]:
    with running([sys.executable, "-m", module], _REPOSITORY) as started:
        yield started
