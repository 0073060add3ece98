"""The calling process: `python -m bench.remote.caller SYSTEM`, driven by lines of JSON."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any

import uvloop

from agent.malloc import raise_thresholds
from bench.remote.driven import obey, say
from bench.remote.load import closed_loop, paced, streaming, transfer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.remote.client import Client, Connect


class Caller:
    """The clients of one system, by the name of their address."""

    def __init__(self, connect: Connect, stack: AsyncExitStack) -> None:
        self._connect = connect
        self._stack = stack
        self._clients: dict[str, Client] = {}

    async def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order; its fields beside `do` are the arguments."""
        arguments = {name: value for name, value in order.items() if name not in ("do", "client")}
        if order["do"] == "connect":
            return await self.connect(**arguments)
        client = self._clients[order["client"]]
        return await _LOADS[order["do"]](client, **arguments)

    async def connect(self, addresses: dict[str, str]) -> dict[str, Any]:
        """Make a client for each address; the one of the name "tls" uses TLS."""
        for name, address in addresses.items():
            opened = self._connect(address, tls=name == "tls")
            self._clients[name] = client = await self._stack.enter_async_context(opened)
            await client.call()
        return {}


async def _beside(client: Client, length: int, seconds: float, loop: str) -> dict[str, Any]:
    """Small calls, in the loop named, while streams of `length` bytes run; 0 is no stream."""
    if not length:
        return await _small(client, seconds, loop)
    async with streaming(client, length) as flow:
        before = flow.received
        calls = await _small(client, seconds, loop)
        mib = (flow.received - before) / 2**20
    return {**calls, "mib_per_second": mib / calls["seconds"]}


async def _small(client: Client, seconds: float, loop: str) -> dict[str, Any]:
    if loop == "open":
        return await paced(client, seconds)
    return await closed_loop(client, 1, seconds)


_LOADS: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
    "calls": closed_loop,
    "stream": transfer,
    "beside": _beside,
}


async def _main(system: str) -> None:
    connect: Connect = import_module(f"bench.remote.{system}_client").connect
    async with AsyncExitStack() as stack:
        caller = Caller(connect, stack)
        say({})
        await obey(caller.carry_out)


if __name__ == "__main__":
    raise_thresholds()  # as a cell does; it steadies aiohttp's long streams as well
    uvloop.run(_main(sys.argv[1]))
