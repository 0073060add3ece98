"""Streamed bodies over a link, in both directions, read or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.link_under_test import LinkUnderTest, run_link
from workers import Request, Response

if TYPE_CHECKING:
    from workers.context import Call

CHUNK = bytes(range(256)) * 256


async def repeat(times: int, produced: list[int] | None = None):
    for index in range(times):
        if produced is not None:
            produced.append(index)
        yield CHUNK


async def echo(request: Request, call: Call) -> Response:
    return Response(request.body)


def test_echo_of_many_windows_arrives_whole() -> None:
    """The response streams while the request still does."""

    async def test(link: LinkUnderTest) -> None:
        response = await link.fetch(method="POST", body=repeat(160))
        assert await response.bytes() == CHUNK * 160

    run_link(echo, test)


def test_tiny_chunks_arrive_in_order() -> None:
    """Nothing depends on where chunks begin and end."""

    async def numbers():
        for index in range(3000):
            yield b"%d," % index

    async def test(link: LinkUnderTest) -> None:
        response = await link.fetch(method="POST", body=numbers())
        assert await response.bytes() == b"".join([b"%d," % index for index in range(3000)])

    run_link(echo, test)


def test_reader_that_stops_holds_up_nobody_and_little_memory() -> None:
    """Its producer is held back by credit; other exchanges go on."""
    produced: list[int] = []

    async def handle(request: Request, call: Call) -> Response:
        if request.url.endswith("/stream"):
            return Response(repeat(1000, produced))
        return Response("quick")

    async def test(link: LinkUnderTest) -> None:
        stopped = await link.fetch(url="http://a/stream")
        assert stopped.body is not None
        await anext(stopped.body)
        for _ in range(200):
            assert await (await link.fetch()).text() == "quick"
        assert len(produced) < 10
        await stopped.body.aclose()

    run_link(handle, test)


def test_closed_response_closes_its_producer() -> None:
    """The callee's generator is told that nobody reads on, even while it waits."""
    closed = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        async def body():
            try:
                yield b"x"
                await asyncio.Event().wait()
            finally:
                closed.set()

        return Response(body())

    async def test(link: LinkUnderTest) -> None:
        response = await link.fetch()
        assert response.body is not None
        await anext(response.body)
        await response.body.aclose()
        await closed.wait()

    run_link(handle, test)


def test_unread_upload_closes_its_source() -> None:
    """A handler that does not read the request's body leaves no generator behind."""
    closed = asyncio.Event()

    async def endless():
        try:
            while True:
                yield CHUNK
                await asyncio.sleep(0)
        finally:
            closed.set()

    async def handle(request: Request, call: Call) -> Response:
        return Response("no, thank you")

    async def test(link: LinkUnderTest) -> None:
        response = await link.fetch(method="POST", body=endless())
        assert await response.text() == "no, thank you"
        await closed.wait()

    run_link(handle, test)


def test_request_body_can_be_read_after_the_response() -> None:
    """As a waitUntil task does."""
    read: asyncio.Queue[bytes] = asyncio.Queue()
    go_on = asyncio.Event()

    async def upload():
        yield b"begin,"
        await go_on.wait()
        yield b"end"

    async def test(link: LinkUnderTest) -> None:
        async with asyncio.TaskGroup() as tasks:

            async def dispatch(request: Request, call: Call, props_json: bytes) -> Response:
                async def later():
                    read.put_nowait(await request.bytes())

                tasks.create_task(later())
                return Response("early")

            link.admit.dispatch = dispatch  # type: ignore[method-assign]
            response = await link.fetch(method="POST", body=upload())
            assert await response.text() == "early"
            go_on.set()
            assert await read.get() == b"begin,end"

    run_link(echo, test)


@pytest.mark.slow
def test_large_bodies_both_ways_at_once() -> None:
    """64 MiB each way in eight exchanges over one link."""

    async def test(link: LinkUnderTest) -> None:
        async def one() -> None:
            response = await link.fetch(method="POST", body=repeat(128))
            size = 0
            assert response.body is not None
            async for chunk in response.body:
                size += len(chunk)
            assert size == 128 * len(CHUNK)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(one())

    run_link(echo, test, seconds=60)
