"""Stopping an agent whose cells need each other to finish what they began."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.support.agent_process import AgentProcess, Answer
from tests.support.files import write_worker
from tests.support.several_hosts import SeveralHosts, wait_for

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = """
    import asyncio
    from workers import Response, WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            first = await (await self.env.NEXT.fetch("/")).text()
            print("under way", flush=True)
            await asyncio.sleep(0.5)
            second = await (await self.env.NEXT.fetch("/")).text()
            self.ctx.waitUntil(self.later())
            return Response(f"{first} {second}")

        async def later(self):
            await asyncio.sleep(0.5)
            print("afterwards", (await self.env.NEXT.fetch("/")).status, flush=True)
"""
PASS_ON = """
    from workers import WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return await self.env.NEXT.fetch(request)
"""
HELLO = """
    from workers import Response, WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return Response("hello")
"""
NEXT = 'services = [{ binding = "NEXT", service = "%s" }]'
PUBLIC = "workers_dev = true\n"


class Asking:
    """One request in the background."""

    def __init__(self, agent: AgentProcess) -> None:
        self._agent = agent
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert agent.process.stdout is not None
        assert agent.process.stdout.readline() == b"under way\n"

    def _run(self) -> None:
        self._answer = self._agent.request("/")

    def answer(self) -> Answer:
        self._thread.join()
        return self._answer


def test_request_and_wait_until_call_another_group_while_stopping(tmp_path: Path) -> None:
    """No cell closes to the others before each has finished what the public began."""
    write_worker(tmp_path, "gateway", GATEWAY, config=PUBLIC + NEXT % "back")
    write_worker(tmp_path, "back", HELLO)
    (tmp_path / "mesh.toml").write_text('[groups.apart]\nworkers = ["back"]\n')
    with AgentProcess(directory=tmp_path) as agent:
        asking = Asking(agent)
        code, seconds = agent.stop()
        assert code == 0
        assert seconds < 3.0
        assert asking.answer().body == b"hello hello"
        assert agent.rest_of_output() == "afterwards 200\n"


def test_request_comes_back_to_the_stopping_agent_from_another(tmp_path: Path) -> None:
    """A request of this host that calls another host may need this one again."""
    here = tmp_path / "here"
    write_worker(here, "gateway", GATEWAY, config=PUBLIC + NEXT % "back")
    write_worker(here, "users", HELLO)
    there = write_worker(tmp_path, "back", PASS_ON, config=NEXT % "users")
    (here / "mesh.toml").write_text('[groups.apart]\nworkers = ["users"]\n')
    with (
        SeveralHosts(tmp_path / "hosts") as hosts,
        hosts.agent("two", there),
        hosts.agent("one", here) as agent,
    ):
        wait_for(lambda: agent.request("/").status == 200, 5.0)
        assert agent.process.stdout is not None
        while agent.process.stdout.readline() != b"afterwards 200\n":
            pass
        asking = Asking(agent)
        assert agent.stop()[0] == 0
        assert asking.answer().body == b"hello hello"
        assert agent.rest_of_output() == "afterwards 200\n"


AWAITS_ITS_TASK = """
    import asyncio
    from workers import Response, WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            print("under way", flush=True)
            task = asyncio.ensure_future(asyncio.sleep(1.5, "done"))
            self.ctx.waitUntil(task)
            return Response(await task)
"""


def test_wait_until_of_a_call_under_way_is_not_cut(tmp_path: Path) -> None:
    """A cell's own limit begins when the calls of other cells have ended."""
    write_worker(tmp_path, "gateway", PASS_ON, config=PUBLIC + NEXT % "back")
    write_worker(tmp_path, "back", AWAITS_ITS_TASK)
    (tmp_path / "mesh.toml").write_text(
        '[groups.apart]\nworkers = ["back"]\n'
        "[limits]\ndrain_seconds = 10\nwait_until_seconds = 0.5\n"
    )
    with AgentProcess(directory=tmp_path) as agent:
        asking = Asking(agent)
        assert agent.stop()[0] == 0
        assert asking.answer().body == b"done"
