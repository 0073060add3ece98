"""Peers that are not there, go away, or fall silent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import uvloop

from mesh.channel.driver import Timing
from mesh.channel.links import Links
from mesh.channel.remote import RemoteChannel
from mesh.routing.endpoint import Endpoint, RemoteTarget
from mesh.v1.link_pb2 import Refused
from tests.support.link_under_test import LinkUnderTest, new_call, open_link, run_link
from tests.support.source import Source, post
from workers import LinkLost, Request, Response, ServiceUnavailable

if TYPE_CHECKING:
    from workers.context import Call


async def hello(request: Request, call: Call) -> Response:
    return Response("hello")


def free_address() -> str:
    """Where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_refused_connection_fails_fast_and_goes_to_the_next_endpoint() -> None:
    """Surely not started: the next one is asked, with the streamed body untouched."""

    async def echo(request: Request, call: Call) -> Response:
        return Response(await request.bytes())

    async def body():
        yield b"once"

    async def test(link: LinkUnderTest) -> None:
        nobody = Endpoint("two", "c", "g/0", free_address())
        begun = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="agent c cannot be reached") as error:
            await link.fetch(nobody)
        assert not isinstance(error.value, LinkLost)
        assert time.monotonic() - begun < 0.5
        channel = link.channel(nobody, link.endpoint)
        for _ in range(4):
            request = Request("http://a", method="POST", body=body())
            assert await (await channel.call(request, new_call())).text() == "once"

    run_link(echo, test)


def test_upload_that_was_refused_goes_to_the_next_endpoint_whole(tmp_path) -> None:
    """What was read for the first one is sent again; the rest is read only once."""
    chunks = [b"%d" % number * 1000 for number in range(10)]
    refuse = asyncio.Event()

    async def echo(request: Request, call: Call) -> Response:
        return Response(await request.bytes())

    async def test(link: LinkUnderTest) -> None:
        async def refuse_late(revision: int) -> None:
            await refuse.wait()

        link.admit.verdict = Refused(reason=Refused.STALE)
        link.admit.wait_newer = refuse_late  # type: ignore[method-assign]
        async with open_link(echo, f"unix:{tmp_path}/2") as other:
            second = Endpoint("two", "b", "g/1", f"unix:{tmp_path}/2")
            for waits in (True, False):
                refuse.clear()
                sent: list[bytes] = []

                async def body(sent: list[bytes] = sent, waits: bool = waits):
                    for chunk in chunks:
                        sent.append(chunk)
                        yield chunk
                        if waits and len(sent) == 5:
                            await refuse.wait()

                channel = RemoteChannel(
                    link.links, RemoteTarget("b", "auth", "auth", (second, link.endpoint), 1)
                )
                request = Request("http://a", method="POST", body=body())
                task = asyncio.ensure_future(channel.call(request, new_call()))
                while len(sent) < (5 if waits else 10) or not link.server.open_exchanges:
                    await asyncio.sleep(0.001)
                refuse.set()
                assert await (await task).bytes() == b"".join(chunks)
                assert sent == chunks
            assert len(other.admit.opened) == 2
            await asyncio.sleep(0)

    run_link(echo, test)


def test_upload_that_nobody_takes_is_closed() -> None:
    """Refused everywhere: the source is closed, and the call says so."""
    source = Source(1000)

    async def test(link: LinkUnderTest) -> None:
        link.admit.verdict = Refused(reason=Refused.NOT_HERE, message="not here")
        with pytest.raises(ServiceUnavailable, match="not here"):
            await link.channel(link.endpoint, link.endpoint).call(post(source), new_call())
        await source.wait_closed()
        assert len(link.admit.opened) == 2

    run_link(hello, test)


def test_nobody_runs_the_worker() -> None:
    """The message names who called what."""

    async def test(link: LinkUnderTest) -> None:
        channel = RemoteChannel(link.links, RemoteTarget("b", "auth@staging", "auth", (), 1))
        with pytest.raises(
            ServiceUnavailable,
            match=r"worker gateway called env\.AUTH, which is bound to service auth@staging: "
            r"nobody runs it",
        ):
            await channel.call(Request("http://a"), new_call())

    run_link(hello, test)


@pytest.mark.slow
def test_silent_address_fails_within_the_connect_limit() -> None:
    """A listener that never says a word: all waiting calls fail at once, after a second."""

    async def test(link: LinkUnderTest) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(1)
            endpoint = Endpoint("s", "c", "g/0", f"127.0.0.1:{silent.getsockname()[1]}")
            begun = time.monotonic()
            results = await asyncio.gather(
                *[link.fetch(endpoint) for _ in range(20)], return_exceptions=True
            )
            assert 0.9 < time.monotonic() - begun < 1.5
            assert all(isinstance(result, ServiceUnavailable) for result in results)
            assert not any(isinstance(result, LinkLost) for result in results)
            channel = link.channel(endpoint, link.endpoint)
            begun = time.monotonic()
            for _ in range(4):
                await channel.call(Request("http://a"), new_call())
            assert time.monotonic() - begun < 0.5, "what failed is tried last"

    run_link(hello, test)


def test_goodbye_after_idling_and_a_new_link_for_the_next_call() -> None:
    """An idle link closes without a word in the log; the next call dials again."""

    async def test(link: LinkUnderTest) -> None:
        await link.fetch()
        (first,) = link.links._running
        await asyncio.wait(link.links._running.values())
        assert not first.has_failed
        await link.fetch()
        (second,) = link.links._running
        assert second is not first

    run_link(hello, test, timing=Timing(idle_seconds=0.05))


def test_retired_link_finishes_its_exchanges() -> None:
    """An endpoint that left the view gets no new calls, and keeps those that it has."""
    go_on = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        await go_on.wait()
        return Response("still")

    async def test(link: LinkUnderTest) -> None:
        task = asyncio.ensure_future(link.fetch())
        while not link.server.open_exchanges:
            await asyncio.sleep(0.001)
        link.links.retain([])
        go_on.set()
        assert await (await task).text() == "still"
        if link.links._running:
            await asyncio.wait(link.links._running.values())

    run_link(handle, test)


@asynccontextmanager
async def peer_process(address: str):
    """A cell in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.peer_process",
        address,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def remote(links: Links, address: str) -> RemoteChannel:
    endpoints = (Endpoint("one", "b", "g/0", address),)
    return RemoteChannel(links, RemoteTarget("b", "auth", "auth", endpoints, 1))


@pytest.mark.slow
def test_killed_peer_fails_what_was_under_way_and_is_found_when_it_is_back(tmp_path) -> None:
    """LinkLost at once for calls and bodies; fast failures meanwhile; then calls work again."""
    address = f"unix:{tmp_path}/s"

    async def main() -> None:
        async with Links(agent="a", cell="g/0") as links:
            channel = remote(links, address)
            async with peer_process(address) as process:
                stream = await channel.call(Request("http://a/stream"), new_call())
                assert stream.body is not None
                assert await anext(stream.body) == b"begin"
                waiting = [
                    asyncio.ensure_future(channel.call(Request("http://a/wait"), new_call()))
                    for _ in range(50)
                ]
                await channel.call(Request("http://a/"), new_call())
                process.kill()
                begun = time.monotonic()
                results = await asyncio.gather(*waiting, return_exceptions=True)
                assert time.monotonic() - begun < 1
                assert {type(result) for result in results} == {LinkLost}
                with pytest.raises(LinkLost):
                    await anext(stream.body)
                await process.wait()
                begun = time.monotonic()
                with pytest.raises(ServiceUnavailable):
                    await channel.call(Request("http://a/"), new_call())
                assert time.monotonic() - begun < 0.5
            async with peer_process(address):
                begun = time.monotonic()
                response = await channel.call(Request("http://a/"), new_call())
                assert await response.text() == "here"
                assert time.monotonic() - begun < 1

    uvloop.run(main())


@pytest.mark.slow
def test_frozen_peer_is_noticed_within_five_seconds(tmp_path) -> None:
    """A process that is stopped says nothing, and its sockets stay open."""
    address = f"unix:{tmp_path}/s"

    async def main() -> None:
        async with peer_process(address) as process, Links(agent="a", cell="g/0") as links:
            channel = remote(links, address)
            await channel.call(Request("http://a/"), new_call())
            os.kill(process.pid, signal.SIGSTOP)
            begun = time.monotonic()
            try:
                with pytest.raises(LinkLost):
                    await channel.call(Request("http://a/"), new_call())
                assert time.monotonic() - begun < 5
            finally:
                os.kill(process.pid, signal.SIGCONT)

    uvloop.run(main())


@pytest.mark.slow
def test_stuck_peer_is_noticed_by_its_silence(tmp_path) -> None:
    """The ping is answered by the peer's loop, so a loop that answers keeps the link."""

    async def handle(request: Request, call: Call) -> Response:
        await asyncio.sleep(0.5)
        return Response("slow")

    async def test(link: LinkUnderTest) -> None:
        assert await (await link.fetch()).text() == "slow"

    run_link(handle, test, timing=Timing(silence_seconds=0.08))


@pytest.mark.slow
def test_idle_link_is_not_lost() -> None:
    """The keepalives of both ends must agree, or one takes the other's for an attack."""

    async def test(link: LinkUnderTest) -> None:
        await link.fetch()
        (before,) = link.links._running
        await asyncio.sleep(7)
        assert list(link.links._running) == [before]

    run_link(hello, test)
