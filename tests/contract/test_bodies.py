"""Bodies over a call: streamed, handed over, cloned, and closed with their invocation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.files import write_pair, write_worker
from tests.support.mesh_under_test import MeshUnderTest, Placement, placement, run_mesh
from tests.support.source import Source, post
from workers import BodyClosedError, RemoteError, Request

if TYPE_CHECKING:
    from pathlib import Path

PASS_ON = """
    from workers import WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return await self.env.CALLEE.fetch(request)
"""


def test_streams_pass_in_both_directions_chunk_by_chunk(tmp_path: Path) -> None:
    """A callee may answer with what it reads while it reads it."""
    write_pair(
        tmp_path,
        PASS_ON,
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                async def shout():
                    async for chunk in request.body:
                        yield chunk.upper() + b"!"
                return Response(shout())
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        source = Source()
        response = await mesh.fetch("caller", post(source))
        assert response.body is not None
        assert (await anext(response.body)).startswith(b"0,")
        rest = [chunk async for chunk in response.body]
        if placement.get() is Placement.SAME_CELL:
            assert rest == [b"1,!", b"2,!"]
        await source.wait_closed()

    run_mesh(tmp_path, check)


def test_unread_upload_is_closed_when_its_invocation_ends(tmp_path: Path) -> None:
    """A callee that reads nothing leaves no producer behind."""
    write_pair(
        tmp_path,
        PASS_ON,
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                await anext(request.body)
                return Response("enough")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        source = Source(1000)
        assert await mesh.text("caller", post(source)) == "enough"
        await source.wait_closed()
        if placement.get() is Placement.SAME_CELL:
            assert source.sent == 1
        else:  # read ahead, as far as the first window goes
            assert source.bytes_sent <= 64 * 1024

    run_mesh(tmp_path, check)


def test_response_nobody_reads_is_closed_with_its_caller(tmp_path: Path) -> None:
    """The callee's generator runs its finally, in its own context, when the caller is done."""
    write_pair(
        tmp_path,
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                unread = await self.env.CALLEE.fetch("/")
                return Response(str(unread.status))
        """,
        """
        import contextvars
        from workers import Response, WorkerEntrypoint
        mine = contextvars.ContextVar("mine")
        ended = []
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("/ended"):
                    return Response(" ".join(ended))
                mine.set("own context")
                async def endless():
                    try:
                        while True:
                            yield "x"
                    finally:
                        ended.append(mine.get())
                stream = endless()
                await anext(stream)
                return Response(stream)
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == "200"
        await mesh.wait_text("callee", "http://t/ended", "own context")

    run_mesh(tmp_path, check)


@pytest.mark.parametrize("how", ["", "/upload", "/clone"])
def test_response_that_comes_after_its_caller_is_done_is_closed(how: str, tmp_path: Path) -> None:
    """A task that the caller left behind gets a response whose body is closed already."""
    write_pair(
        tmp_path,
        """
        import asyncio
        from workers import BodyClosedError, Response, WorkerEntrypoint
        tasks, said = set(), []
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("/said"):
                    return Response(" ".join(said))
                async def left_behind():
                    response = await self.env.CALLEE.fetch("/stream")
                    if request.url.endswith("/clone"):
                        response.clone()
                    try:
                        await response.text()
                    except BodyClosedError:
                        said.append("closed")
                tasks.add(asyncio.create_task(left_behind()))
                return Response("at once")
        """,
        """
        import asyncio
        from workers import Response, WorkerEntrypoint
        go_on, ended = asyncio.Event(), []
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("/go_on"):
                    go_on.set()
                if not request.url.endswith("/stream"):
                    return Response(" ".join(ended))
                await go_on.wait()
                async def endless():
                    try:
                        while True:
                            yield "x" * 9999
                    finally:
                        ended.append("ended")
                stream = endless()
                await anext(stream)
                return Response(stream)
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        request = f"http://t{how}" if how != "/upload" else post(Source())
        assert await mesh.text("caller", request) == "at once"
        await mesh.text("callee", "http://t/go_on")
        await wait_until_text(mesh, "caller", "http://t/said", "closed")
        await wait_until_text(mesh, "callee", "http://t/ended", "ended")

    run_mesh(tmp_path, check)


async def wait_until_text(mesh: MeshUnderTest, worker: str, url: str, expected: str) -> None:
    """Ask until the answer is `expected`: a task that was left behind has nobody to tell."""
    while await mesh.text(worker, url) != expected:
        await asyncio.sleep(0.001)


def test_producer_that_fails_gives_its_reader_an_error(tmp_path: Path) -> None:
    """A response body that breaks off raises a CallError at the reader, and never looks whole."""
    write_pair(
        tmp_path,
        """
        from workers import RemoteError, Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                answer = await self.env.CALLEE.fetch("/")
                got = []
                try:
                    async for chunk in answer.body:
                        got.append(chunk.decode())
                except RemoteError as error:
                    return Response(f"{got} {isinstance(error, ZeroDivisionError)} {error}")
        """,
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                async def broken():
                    yield "first"
                    1 / 0
                return Response(broken())
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == "['first'] True division by zero"

    run_mesh(tmp_path, check)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ("ValueError('secret detail')", "the caller's body broke off: ValueError"),
        ("BodyClosedError('gone')", "gone"),
        ("Odd(1, 2)", "Odd (its text cannot be had)"),
    ],
)
def test_upload_that_fails_gives_the_callee_an_error(
    failure: str, expected: str, tmp_path: Path
) -> None:
    """A request body that breaks off raises BodyClosedError at the callee, an OSError."""
    write_pair(
        tmp_path,
        f"""
        from workers import BodyClosedError, BodyError, WorkerEntrypoint
        class Odd(BodyError):
            def __init__(self, one, two): super().__init__()
            def __str__(self): raise SystemExit(3)
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                async def broken():
                    yield "first"
                    raise {failure}
                return await self.env.CALLEE.fetch("/", method="POST", body=broken())
        """,
        """
        from workers import BodyClosedError, Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                try:
                    await request.text()
                except BodyClosedError as error:
                    return Response(str(error))
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == expected

    run_mesh(tmp_path, check)


def test_clone_gives_both_readers_the_whole_body(tmp_path: Path) -> None:
    """The caller's clone goes to one callee and the original to another."""
    write_worker(
        tmp_path,
        "caller",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                one = await self.env.CALLEE.fetch(request.clone())
                two = await self.env.CALLEE.fetch(request)
                return Response(await one.text() + "|" + await two.text())
        """,
        config='services = [{ binding = "CALLEE", service = "callee" }]',
    )
    write_worker(
        tmp_path,
        "callee",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response(await request.text())
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        source = Source()
        assert await mesh.text("caller", post(source)) == "0,1,2,|0,1,2,"
        assert source.is_closed
        plain = Request("http://t/", method="POST", body="plain")
        assert await mesh.text("caller", plain) == "plain|plain"

    run_mesh(tmp_path, check)


def test_body_cannot_be_handed_over_twice(tmp_path: Path) -> None:
    """The second fetch with the same request raises Body already used, as reading it would."""
    write_pair(
        tmp_path,
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                await self.env.CALLEE.fetch(request)
                try:
                    await self.env.CALLEE.fetch(request)
                except OSError as error:
                    return Response(str(error))
        """,
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response("ok")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller", post(Source())) == "Body already used"

    run_mesh(tmp_path, check)


def test_body_kept_past_its_invocation_is_closed(tmp_path: Path) -> None:
    """A request that a worker keeps in a global cannot be read once its invocation is over."""
    write_worker(
        tmp_path,
        "keeper",
        """
        from workers import Response, WorkerEntrypoint
        kept = []
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if kept:
                    return Response(await kept[0].text())
                kept.append(request)
                return Response("kept")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("keeper", post(Source())) == "kept"
        with pytest.raises(RemoteError, match="closed before it was read") as caught:
            await mesh.fetch("keeper")
        assert isinstance(caught.value, BodyClosedError)

    run_mesh(tmp_path, check)


def test_cancelled_caller_closes_every_body(tmp_path: Path) -> None:
    """Cancellation in the middle of an upload closes the producer on the way out."""
    write_pair(
        tmp_path,
        PASS_ON,
        """
        import asyncio
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                await anext(request.body)
                await asyncio.sleep(30)
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        source = Source(1000)
        call = asyncio.ensure_future(mesh.fetch("caller", post(source)))
        while not source.sent:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert source.is_closed

    run_mesh(tmp_path, check)


STREAM_ENDS = {
    "sys.exit": ("sys.exit(1)", "RemoteError 1"),
    "cancelled child": (
        "child = asyncio.create_task(asyncio.sleep(9)); child.cancel(); await child",
        "RemoteError the producer of the body was cancelled",
    ),
    "cancels its reader": (
        "asyncio.current_task().cancel(); await asyncio.sleep(1)",
        "RemoteError the producer of the body was cancelled",
    ),
}


@pytest.mark.parametrize("name", STREAM_ENDS)
def test_producer_cannot_harm_its_reader(name: str, tmp_path: Path) -> None:
    """The boundary around a handler holds for its streamed body too, also while it is closed."""
    statement, expected = STREAM_ENDS[name]
    write_pair(
        tmp_path,
        """
        import asyncio
        from workers import CallError, RemoteError, Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                closed = await self.env.CALLEE.fetch("/")
                await anext(closed.body)
                answer = await self.env.CALLEE.fetch("/")
                try:
                    await answer.text()
                except CallError as error:
                    await asyncio.sleep(0)
                    kind = RemoteError.__name__ if isinstance(error, RemoteError) else "?"
                    return Response(f"{kind} {error}")
        """,
        f"""
        import asyncio, sys
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                async def stream():
                    try:
                        yield "first"
                        {statement}
                    finally:
                        sys.exit(2) if sys.exc_info()[0] is GeneratorExit else None
                return Response(stream())
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == expected
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run_mesh(tmp_path, check)


def test_clone_handed_over_outlives_its_giver(tmp_path: Path) -> None:
    """A callee's waitUntil reads a clone to its end, though the caller is done."""
    write_worker(
        tmp_path,
        "caller",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                await self.env.CALLEE.fetch(request.clone())
                return Response("done")
        """,
        config='services = [{ binding = "CALLEE", service = "callee" }]',
    )
    write_worker(
        tmp_path,
        "callee",
        """
        import asyncio
        from workers import Response, WorkerEntrypoint
        read = []
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("/read"):
                    return Response(" ".join(read))
                async def later():
                    await asyncio.sleep(0.01)
                    read.append(await request.text())
                self.ctx.waitUntil(later())
                return Response("ok")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        source = Source()
        assert await mesh.text("caller", post(source)) == "done"
        await mesh.background.drain(1)
        assert await mesh.text("callee", "http://t/read") == "0,1,2,"
        assert source.is_closed

    run_mesh(tmp_path, check)
