"""`waitUntil`: work that goes on after the response."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tests.support.files import write_worker
from tests.support.mesh_under_test import MeshUnderTest, run_mesh
from tests.support.source import Source, post

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WORKER = """
    import asyncio
    import sys
    from workers import Response, WorkerEntrypoint, wait_until

    done = []
    go = asyncio.Event()

    class Default(WorkerEntrypoint):
        async def later(self, coroutine):
            await go.wait()
            done.append(await coroutine)

        async def fail(self):
            sys.exit(1)

        async def forever(self):
            await asyncio.Event().wait()

        async def fetch(self, request):
            path = request.url.rsplit("/", 1)[1]
            if path == "done":
                go.set()
                while not done:
                    await asyncio.sleep(0)
                return Response(" ".join(done))
            if path == "fail":
                self.ctx.waitUntil(self.fail())
            elif path == "forever":
                wait_until(self.forever())
            else:
                self.ctx.waitUntil(self.later(request.clone().text()))
            return Response("at once")
"""


def test_task_goes_on_after_the_response_and_reads_the_body(tmp_path: Path) -> None:
    """The invocation, and with it the request body, stays open until its tasks are done."""
    write_worker(tmp_path, "late", WORKER)

    async def check(mesh: MeshUnderTest) -> None:
        source = Source()
        assert await mesh.text("late", post(source)) == "at once"
        assert not source.is_closed
        assert await mesh.text("late", "http://t/done") == "0,1,2,"
        await mesh.background.drain(1)
        assert source.is_closed
        assert repr(mesh.background) == "<Background 0 tasks, 0 ending>"

    run_mesh(tmp_path, check)


def test_drain_waits_for_tasks_that_tasks_start(tmp_path: Path) -> None:
    """Within the time that there is."""
    write_worker(
        tmp_path,
        "chain",
        """
        import asyncio
        from workers import Response, WorkerEntrypoint
        done = []
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("/done"):
                    return Response(" ".join(done))
                async def inner():
                    await asyncio.sleep(0.01)
                    done.append("inner")
                async def outer():
                    await asyncio.sleep(0.01)
                    self.ctx.waitUntil(inner())
                    done.append("outer")
                self.ctx.waitUntil(outer())
                return Response("ok")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("chain") == "ok"
        await mesh.background.drain(5)
        assert await mesh.text("chain", "http://t/done") == "outer inner"

    run_mesh(tmp_path, check)


def test_failing_task_is_logged_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even sys.exit in a waitUntil task ends the cell."""
    write_worker(tmp_path, "late", WORKER)

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("late", "http://t/fail") == "at once"
        await mesh.background.drain(1)

    with caplog.at_level(logging.WARNING):
        run_mesh(tmp_path, check)
    assert [record.message for record in caplog.records] == ["wait_until.failed"]


def test_task_that_takes_too_long_is_cut_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After the grace period a task is cancelled, and the log says which."""
    write_worker(tmp_path, "late", WORKER)

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("late", "http://t/forever") == "at once"
        await mesh.background.drain(10)
        assert repr(mesh.background) == "<Background 0 tasks, 0 ending>"

    with caplog.at_level(logging.WARNING):
        run_mesh(tmp_path, check, wait_until_seconds=0.01)
    (record,) = caplog.records
    assert record.message == "wait_until.cut"
    assert "Default.forever" in record.__dict__["task"]
