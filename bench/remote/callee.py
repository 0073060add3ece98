"""The called process: `python -m bench.remote.callee SYSTEM DIRECTORY`.

It says where it listens; the directory is for its Unix socket.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from agent.malloc import raise_thresholds
from bench.remote.driven import obey, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager


async def _main(system: str, directory: Path) -> None:
    listening: Callable[[Path], AbstractAsyncContextManager[dict[str, str]]]
    listening = import_module(f"bench.remote.{system}_server").listening
    async with listening(directory) as addresses:
        say(addresses)
        await obey(_nothing)


async def _nothing(order: dict[str, Any]) -> dict[str, Any]:
    return order


if __name__ == "__main__":
    raise_thresholds()  # as a cell does; it steadies aiohttp's long streams as well
    uvloop.run(_main(sys.argv[1], Path(sys.argv[2])))
