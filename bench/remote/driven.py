"""Processes that do what they are told in lines of JSON on stdin, and answer so on stdout.

The first half is for the one who tells, the second for the process that is told. They end when
stdin does.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.process import STOP_SECONDS, ProcessError, pin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self

    Message = dict[str, Any]  # Any: JSON

_REPOSITORY = Path(__file__).resolve().parents[2]
_ANSWER_SECONDS = 120.0


class Driven:
    """`python -m MODULE ARGUMENTS` on one core, for as long as the block lasts."""

    def __init__(self, module: str, *arguments: str, core: int) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._core = core
        self._output = b""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        pin(self._process.pid, self._core)  # its threads inherit that
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def ask(self, **order: Any) -> Message:
        """Give an order and wait for the answer. Raises: ProcessError."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ProcessError(f"{self._command!r} has ended: {error}") from None
        return self.hear()

    def hear(self) -> Message:
        """The next line that it says. Raises: ProcessError."""
        end = time.monotonic() + _ANSWER_SECONDS
        while b"\n" not in self._output:
            self._output += self._read(end)
        line, _, self._output = self._output.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def _read(self, end: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        if not select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            raise ProcessError(f"{self._command!r} does not answer")
        if not (data := os.read(descriptor, 65536)):
            raise ProcessError(f"{self._command!r} has ended; its reason stands above")
        return data


def say(message: Message) -> None:
    """Answer the process that drives this one."""
    print(json.dumps(message), flush=True)


async def obey(carry_out: Callable[[Message], Awaitable[Message]]) -> None:
    """Carry out the orders that come on stdin, one after the other, until it ends."""
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    try:
        while line := await orders.readline():
            say(await carry_out(json.loads(line)))
    finally:
        transport.close()
