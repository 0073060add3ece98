"""The listener for other cells: starting, draining, closing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
import uvloop

from agent.malloc import raise_thresholds
from agent.peer import PeerServer
from mesh.channel.links import Links
from mesh.errors import StartError
from tests.support.link_under_test import Admit, LinkUnderTest, open_link, run_link
from workers import LinkLost, Request, Response, ServiceUnavailable

if TYPE_CHECKING:
    from workers.context import Call


async def hello(request: Request, call: Call) -> Response:
    await asyncio.sleep(0)
    return Response("hello")


def test_port_that_is_taken_is_a_start_error() -> None:
    """Two listeners never share a port."""

    async def main() -> None:
        first, second = (PeerServer(Admit(hello), agent="b", cell="g/0") for _ in range(2))
        port = first.listen("127.0.0.1:0")
        with pytest.raises(StartError):
            second.listen(f"127.0.0.1:{port}")
        await first.aclose()
        await second.aclose()

    uvloop.run(main())


def test_drain_loses_no_request_under_concurrent_calls(tmp_path) -> None:
    """Every call is answered by the old cell or the new one; no caller sees the change."""

    async def main() -> None:
        async with (
            asyncio.timeout(20),
            open_link(hello, f"unix:{tmp_path}/1") as old,
            open_link(hello, f"unix:{tmp_path}/2") as new,
        ):
            from mesh.routing.endpoint import Endpoint

            channel = old.channel(old.endpoint, Endpoint("two", "b", "g/1", f"unix:{tmp_path}/2"))
            answered = 0
            is_over = False

            async def caller() -> None:
                nonlocal answered
                from tests.support.link_under_test import new_call

                while not is_over:
                    response = await channel.call(Request("http://a"), new_call())
                    assert await response.text() == "hello"
                    answered += 1

            async with asyncio.TaskGroup() as tasks:
                for _ in range(20):
                    tasks.create_task(caller())
                while answered < 200:
                    await asyncio.sleep(0.001)
                await old.server.drain(5)
                after = answered
                while answered < after + 200:
                    await asyncio.sleep(0.001)
                is_over = True
            assert new.admit.opened

    uvloop.run(main())


def test_drain_waits_for_handlers_and_streams(caplog: pytest.LogCaptureFixture) -> None:
    """What runs finishes; what is new is refused; diallers say goodbye, so it is quick.

    Each side logs why the other leaves.
    """
    go_on = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        async def body():
            yield b"begin "
            await go_on.wait()
            yield b"end"

        return Response(body())

    async def test(link: LinkUnderTest) -> None:
        response = await link.fetch()
        (first,) = link.links._running
        loop = asyncio.get_running_loop()
        begun = loop.time()
        draining = asyncio.create_task(link.server.drain(10))
        while first.end.can_open:
            await asyncio.sleep(0.001)
        with pytest.raises(ServiceUnavailable):
            await link.fetch()
        go_on.set()
        assert await response.text() == "begin end"
        await draining
        assert loop.time() - begun < 1
        assert not first.has_failed

    with caplog.at_level(logging.DEBUG):
        run_link(handle, test)
    leaving = [record for record in caplog.records if record.message == "link.peer_leaves"]
    reasons = [vars(record)["reason"] for record in leaving]
    assert reasons == ["the cell is stopping", "replaced"]


def test_drain_cancels_what_does_not_finish() -> None:
    """After the time-out handlers are cancelled, and their callers told."""
    cancelled = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async def test(link: LinkUnderTest) -> None:
        task = asyncio.ensure_future(link.fetch())
        while not link.server.open_exchanges:
            await asyncio.sleep(0.001)
        await link.server.drain(0.05)
        assert cancelled.is_set()
        with pytest.raises(LinkLost):
            await task

    run_link(handle, test)


def test_links_that_close_cancel_their_handlers() -> None:
    """A caller's cell that stops leaves nothing running over there."""
    cancelled = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async def test(link: LinkUnderTest) -> None:
        task = asyncio.ensure_future(link.fetch())
        while not link.server.open_exchanges:
            await asyncio.sleep(0.001)
        await link.links.aclose()
        with pytest.raises(LinkLost):
            await task
        await cancelled.wait()

    run_link(handle, test)


def test_malloc_thresholds_can_be_raised_anywhere() -> None:
    """Where the C library has no such thing, nothing happens."""
    raise_thresholds()
    raise_thresholds()


def test_several_addresses_serve_the_same() -> None:
    """A cell listens on a Unix socket for its host and on a port for the others."""

    async def main() -> None:
        server = PeerServer(Admit(hello), agent="b", cell="g/0")
        ports = [server.listen("127.0.0.1:0") for _ in range(2)]
        async with server, Links(agent="a", cell="g/0") as links:
            for port in ports:
                link = LinkUnderTest(server, links, Admit(hello), f"127.0.0.1:{port}")
                assert await (await link.fetch()).text() == "hello"

    uvloop.run(main())
