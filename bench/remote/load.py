"""The loads that a caller puts on a client.

`closed_loop` and `transfer` are closed: the next call or chunk begins when the last one is done.
`paced` is open: calls arrive at random, 500 a second, whatever becomes of those before. It is for
the calls beside a stream, because a closed loop would make fewer calls when they are slow and so
compare two different loads.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bench.remote.client import Flow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.remote.client import Client

_PER_SECOND = 500
_SHORTEST_SLEEP_SECONDS = 0.001  # of uvloop: with less it spins, and starves gRPC's threads


async def closed_loop(client: Client, callers: int, seconds: float) -> dict[str, Any]:
    """As many callers that call without a pause."""
    latencies: list[float] = []
    began = time.perf_counter()
    end = began + seconds

    async def calls() -> None:
        now = time.perf_counter()
        while now < end:
            await client.call()
            before, now = now, time.perf_counter()
            latencies.append(now - before)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(calls())
    return _calls(latencies, time.perf_counter() - began)


async def paced(client: Client, seconds: float) -> dict[str, Any]:
    """Calls that arrive at random; a latency counts from when its call was sent."""
    latencies: list[float] = []
    gaps = random.Random(1)
    began = due = time.perf_counter()

    async def call() -> None:
        sent = time.perf_counter()
        await client.call()
        latencies.append(time.perf_counter() - sent)

    async with asyncio.TaskGroup() as group:
        while due < began + seconds:
            await asyncio.sleep(max(due - time.perf_counter(), _SHORTEST_SLEEP_SECONDS))
            while due <= time.perf_counter():
                group.create_task(call())
                due += gaps.expovariate(_PER_SECOND)
    return _calls(latencies, time.perf_counter() - began)


async def transfer(client: Client, direction: str, length: int) -> dict[str, Any]:
    """One stream of `length` bytes, "down" to the caller or "up" to the callee."""
    began = time.perf_counter()
    if direction == "down":
        await client.download(length, Flow())
    else:
        await client.upload(length)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "mib_per_second": length / 2**20 / seconds}


@asynccontextmanager
async def streaming(client: Client, length: int) -> AsyncIterator[Flow]:
    """Streams to the caller, one after the other, for as long as the block lasts."""
    flow = Flow()

    async def downloads() -> None:
        while True:
            await client.download(length, flow)

    task = asyncio.create_task(downloads())
    try:
        await asyncio.sleep(0.2)  # so that the windows have grown
        yield flow
    finally:
        if task.cancel():
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()


def _calls(latencies: list[float], seconds: float) -> dict[str, Any]:
    latencies.sort()
    count = len(latencies)
    return {
        "calls": count,
        "seconds": seconds,
        "per_second": count / seconds,
        "p50_us": latencies[count // 2] * 1e6,
        "p99_us": latencies[min(count - 1, count * 99 // 100)] * 1e6,
    }
