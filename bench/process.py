"""Processes to be measured: started, found, pinned to a core, read from /proc, stopped by pid."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROC = Path("/proc")
START_SECONDS = 20.0
STOP_SECONDS = 15.0


class ProcessError(Exception):
    """A process did not start, or is not there."""


@contextmanager
def running(command: Sequence[str], cwd: Path) -> Iterator[tuple[int, str]]:
    """Run `command` while the block lasts. Gives its pid and the URL of its line `ready: URL`."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        yield process.pid, _wait_ready(process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _wait_ready(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    end = time.monotonic() + START_SECONDS
    output = b""
    while (left := end - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        chunk = os.read(descriptor, 4096)
        output += chunk
        if found := re.search(rb"^ready: (http://\S+)\s", output, re.MULTILINE):
            return found[1].decode()
        if not chunk:
            break
    raise ProcessError(f"{process.args!r} did not get ready; it printed {output!r}")


def find_child(parent: int, argument: str) -> int:
    """The pid of the child process of `parent` with `argument` on its command line."""
    for entry in _PROC.glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if int(stat.rpartition(")")[2].split()[1]) == parent and argument.encode() in command:
            return int(entry.name)
    raise ProcessError(f"process {parent} has no child with the argument {argument}")


def pin(pid: int, core: int) -> None:
    """Keep every thread of the process on one core."""
    for thread in (_PROC / str(pid) / "task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def rss_mib(pid: int) -> float:
    """Memory of the process that is resident."""
    return _memory_mib(pid, "VmRSS")


def peak_rss_mib(pid: int) -> float:
    """The most memory that was resident since the start, or since `reset_peak_rss`."""
    return _memory_mib(pid, "VmHWM")


def reset_peak_rss(pid: int) -> None:
    """Let `peak_rss_mib` begin anew, from what is resident now."""
    (_PROC / str(pid) / "clear_refs").write_text("5")


def _memory_mib(pid: int, name: str) -> float:
    status = (_PROC / str(pid) / "status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """What all threads of the process that are still there have used."""
    threads = (_PROC / str(pid) / "task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def machine_cpu_seconds() -> float:
    """What everything on the machine has used, and what its host kept from it; coarse."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(
        int, (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    )
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuTime:
    """What the main thread, which runs the event loop, has used so far. `user` is without the
    kernel's part, and only as exact as the kernel's clock tick."""

    seconds: float
    user_seconds: float

    @classmethod
    def of(cls, pid: int) -> CpuTime:
        """Read it."""
        thread = _PROC / str(pid) / "task" / str(pid)
        fields = (thread / "stat").read_text().rpartition(")")[2].split()
        return cls(
            seconds=int((thread / "schedstat").read_text().split()[0]) / 1e9,
            user_seconds=int(fields[11]) / os.sysconf("SC_CLK_TCK"),
        )
