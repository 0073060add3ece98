"""Cancelling one caller, or a thousand, never disturbs another exchange of the same link."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from tests.support.link_under_test import LinkUnderTest, run_link
from workers import Request, Response, ServiceUnavailable

if TYPE_CHECKING:
    from workers.context import Call

CHUNK = b"z" * 65536


class Callee:
    """Answers /quick at once, drops what is sent to /drain, streams for /endless, else waits."""

    def __init__(self) -> None:
        self.running = 0

    async def handle(self, request: Request, call: Call) -> Response:
        self.running += 1
        try:
            if request.url.endswith("/quick"):
                return Response("quick")
            if request.url.endswith("/endless"):
                return Response(endless())
            if request.url.endswith("/drain"):
                assert request.body is not None
                async for _ in request.body:
                    pass
            await asyncio.Event().wait()
        finally:
            self.running -= 1
        raise AssertionError


async def endless():
    while True:
        yield CHUNK
        await asyncio.sleep(0)


async def call_once(link: LinkUnderTest, kind: str) -> None:
    if kind == "upload":
        await link.fetch(url="http://a/drain", method="POST", body=endless())
    elif kind == "download":
        response = await link.fetch(url="http://a/endless")
        assert response.body is not None
        try:
            async for _ in response.body:
                pass
        finally:
            await response.body.aclose()  # what the caller's invocation does
    else:
        await link.fetch(url="http://a/wait", method="POST", body=b"x")


@pytest.mark.parametrize("kind", ["call", "upload", "download"])
@pytest.mark.parametrize(
    "count", [1, pytest.param(1000, marks=pytest.mark.slow)], ids=["one", "thousand"]
)
def test_cancelled_callers_leave_no_trace(kind: str, count: int, tmp_path) -> None:
    """The link lives on, other calls are answered, and both ends are empty afterwards."""
    callee = Callee()

    async def test(link: LinkUnderTest) -> None:
        quick = 0

        async def others() -> None:
            nonlocal quick
            while True:
                assert await (await link.fetch(url="http://a/quick")).text() == "quick"
                quick += 1

        await link.fetch(url="http://a/quick")
        (before,) = link.links._running
        background = asyncio.create_task(others())
        for part in range(0, count, 100):
            tasks = [asyncio.create_task(call_once(link, kind)) for _ in range(min(count, 100))]
            while quick < part // 10 + 3:
                await asyncio.sleep(0.001)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(result, asyncio.CancelledError) for result in results)
        seen = quick
        while quick < seen + 3:
            await asyncio.sleep(0.001)
        background.cancel()
        await asyncio.wait([background])
        await link.wait_empty()
        assert not callee.running
        assert list(link.links._running) == [before]
        assert before.end.pool.free_bytes == 16 << 20
        async with asyncio.timeout(5):
            while before.end.outbox.has_output:
                await asyncio.sleep(0.001)

    run_link(callee.handle, test, f"unix:{tmp_path}/s", seconds=60)


def test_caller_cancelled_before_the_link_is_connected() -> None:
    """Nothing was sent; the next call works."""
    callee = Callee()

    async def test(link: LinkUnderTest) -> None:
        task = asyncio.create_task(call_once(link, "upload"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await (await link.fetch(url="http://a/quick")).text() == "quick"

    run_link(callee.handle, test)


def test_handler_that_clings_to_life_still_counts() -> None:
    """An exchange is there until its handler has ended, whoever has given up on it."""
    go_on = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            await go_on.wait()
        raise AssertionError

    async def test(link: LinkUnderTest) -> None:
        task = asyncio.ensure_future(link.fetch())
        while not link.server.open_exchanges:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.02)
        assert link.server.open_exchanges == 1
        go_on.set()

    run_link(handle, test)


@pytest.mark.parametrize("steps", range(4))
def test_links_that_close_at_once_leave_nobody_waiting(steps: int, tmp_path) -> None:
    """However far the link of a call has come, the call fails; so does every call after that."""
    callee = Callee()

    async def test(link: LinkUnderTest) -> None:
        calls = [asyncio.ensure_future(call_once(link, kind)) for kind in ("call", "upload")]
        for _ in range(steps):
            await asyncio.sleep(0)
        await link.links.aclose()
        async with asyncio.timeout(2):
            for result in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(result, ServiceUnavailable)
        with pytest.raises(ServiceUnavailable, match="this cell is stopping"):
            await link.fetch()

    run_link(callee.handle, test, f"unix:{tmp_path}/s")


def test_source_of_a_finished_upload_is_forgotten() -> None:
    """A link keeps nothing of what was sent over it, not even of the calls that made it."""

    async def handle(request: Request, call: Call) -> Response:
        return Response(await request.bytes())

    class Chunks:
        def __init__(self) -> None:
            self.left = 3

        def __aiter__(self) -> Chunks:
            return self

        async def __anext__(self) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise StopAsyncIteration
            return b"chunk"

    async def test(link: LinkUnderTest) -> None:
        references = []

        async def upload() -> None:
            chunks = Chunks()
            references.append(weakref.ref(chunks))
            await (await link.fetch(method="POST", body=chunks)).text()

        await asyncio.gather(*[upload() for _ in range(5)])
        await link.wait_empty()
        gc.collect()
        assert not any(reference() for reference in references)

    run_link(handle, test)
