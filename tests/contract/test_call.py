"""What a call over a binding is, whoever makes it."""

from __future__ import annotations

import asyncio
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.support.files import BIND_CALLEE, write_pair, write_worker
from tests.support.mesh_under_test import MeshUnderTest, run_mesh

if TYPE_CHECKING:
    from pathlib import Path


def test_request_arrives_whole(tmp_path: Path) -> None:
    """Method, URL, header fields and body reach the callee; status, fields and body come back."""
    write_pair(
        tmp_path,
        """
        from workers import Request, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return await self.env.CALLEE.fetch(
                    "https://anything.example/a/../b?q=1", method="PUT",
                    headers=[("X-One", "1"), ("x-two", "a"), ("x-two", "b")], body="text")
        """,
        """
        from workers import Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                assert request.method == "PUT"
                assert request.url == "https://anything.example/b?q=1"
                assert request.headers["x-one"] == "1"
                assert request.headers["X-Two"] == "a, b"
                assert request.headers["content-type"] == "text/plain;charset=UTF-8"
                return Response(
                    "got " + await request.text(), 418,
                    headers=[("set-cookie", "a=1"), ("set-cookie", "b=2")])
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        response = await mesh.fetch("caller")
        assert response.status == 418
        assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert await response.text() == "got text"

    run_mesh(tmp_path, check)


def test_each_invocation_gets_a_fresh_entrypoint_and_module_globals_stay(tmp_path: Path) -> None:
    """An instance lives for one invocation; what the module holds lives as long as the worker."""
    write_worker(
        tmp_path,
        "counter",
        """
        from workers import Response, WorkerEntrypoint

        total = 0

        class Default(WorkerEntrypoint):
            count = 0
            async def fetch(self, request):
                global total
                self.count += 1
                total += 1
                return Response(f"{self.count} {total}")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("counter") == "1 1"
        assert await mesh.text("counter") == "1 2"

    run_mesh(tmp_path, check)


def test_callee_shares_no_context_variables(tmp_path: Path) -> None:
    """A callee starts from its import-time context and changes nothing of the caller's."""
    write_pair(
        tmp_path,
        """
        import decimal
        from workers import Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                decimal.getcontext().prec = 7
                seen = await (await self.env.CALLEE.fetch("/")).text()
                return Response(f"{seen} {decimal.getcontext().prec}")
        """,
        """
        import asyncio
        import decimal
        from workers import Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                before = decimal.getcontext().prec
                decimal.getcontext().prec = 3
                await asyncio.sleep(0)
                return Response(f"{before} {decimal.getcontext().prec}")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == "28 3 7"

    run_mesh(tmp_path, check)


def test_headers_and_objects_are_not_shared(tmp_path: Path) -> None:
    """What either side does to its request or response later is its own business."""
    write_pair(
        tmp_path,
        """
        from workers import Request, Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                mine = Request("http://x/", method="POST", headers={"x-a": "1"}, body="b")
                first = await self.env.CALLEE.fetch(mine)
                first.headers["x-kept"] = "spoilt"
                second = await self.env.CALLEE.fetch("/again")
                return Response(
                    f"{mine.headers['x-a']} {mine.body_used} {second.headers['x-kept']}")
        """,
        """
        from workers import Response, WorkerEntrypoint

        kept = Response("x", headers={"x-kept": "clean"})

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                request.headers["x-a"] = "2"
                return kept.clone()
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == "1 True clean"

    run_mesh(tmp_path, check)


def test_response_object_answers_once(tmp_path: Path) -> None:
    """A response kept by the callee and returned again has no body any more: that is an error."""
    write_worker(
        tmp_path,
        "kept",
        """
        from workers import Response, WorkerEntrypoint
        kept = Response("once")
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return kept
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("kept") == "once"
        with pytest.raises(OSError, match="already used"):
            await mesh.fetch("kept")

    run_mesh(tmp_path, check)


def test_props_and_caller_come_from_the_binding(tmp_path: Path) -> None:
    """`ctx.props` is a copy of what the deployer wrote; `ctx.caller` is the calling worker."""
    write_worker(
        tmp_path,
        "caller",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                one = await (await self.env.A.fetch("/")).text()
                two = await (await self.env.A.fetch("/")).text()
                three = await (await self.env.B.fetch("/")).text()
                return Response("|".join((one, two, three)))
        """,
        config="""
        [[services]]
        binding = "A"
        service = "callee"
        entrypoint = "Admin"
        props = { role = "admin", list = [1] }
        [[services]]
        binding = "B"
        service = "callee"
        """,
    )
    write_worker(
        tmp_path,
        "callee",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response(f"default {self.ctx.props} {self.ctx.caller}")
        class Admin(WorkerEntrypoint):
            async def fetch(self, request):
                self.ctx.props["list"].append(2)
                return Response(f"{self.ctx.props} {self.ctx.caller}")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        admin = "{'role': 'admin', 'list': [1, 2]} caller"
        assert await mesh.text("caller") == f"{admin}|{admin}|default {{}} caller"
        assert (await mesh.text("callee")) == "default {} None"

    run_mesh(tmp_path, check)


def test_three_styles_of_workers(tmp_path: Path) -> None:
    """Entrypoint class, on_fetch and the service-worker style, where bindings are globals."""
    write_worker(
        tmp_path,
        "gateway",
        """
        from workers import Response

        async def handle(request):
            answer = await auth.fetch(request.clone())
            if answer.status != 200:
                return answer
            return await application.fetch(request)

        def listener(event):
            event.respondWith(handle(event.request))

        addEventListener("fetch", listener)
        """,
        config="""
        vars = { GREETING = "hi" }
        services = [
          { binding = "auth", service = "authentication" },
          { binding = "application", service = "app" },
        ]
        """,
    )
    write_worker(
        tmp_path,
        "authentication",
        """
        from workers import Response
        async def on_fetch(request, env):
            allowed = request.headers["x-custom-token"] == env.SECRET_TOKEN
            return Response("allowed" if allowed else "denied", status=200 if allowed else 403)
        """,
        dev_vars="SECRET_TOKEN=tok",
    )
    write_worker(
        tmp_path,
        "app",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            def fetch(self, request):
                return Response(f"{request.method} {request.url}")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert (await mesh.fetch("gateway", headers={"x-custom-token": "no"})).status == 403
        answer = await mesh.text("gateway", "http://h/p", headers={"x-custom-token": "tok"})
        assert answer == "GET http://h/p"

    run_mesh(tmp_path, check)


SERVICE_WORKERS = {
    "at the top": {
        "entry": """
            GREETING = WHO
            def listen(event):
                event.respondWith(Response(f"{GREETING} {WHO}"))
            addEventListener("fetch", listen)
            """
    },
    "in a function": {
        "entry": """
            def setup():
                addEventListener("fetch", lambda event: event.respondWith(Response(f"{WHO} {WHO}")))
            setup()
            """
    },
    "in a sibling": {
        "entry": "import register",
        "register": """
            async def answer(request):
                return Response(f"{WHO} {WHO}")
            addEventListener("fetch", lambda event: event.respondWith(answer(event.request)))
            """,
    },
    "imported": {
        "entry": """
            from workers import addEventListener as on
            class App:
                def register(self):
                    on("fetch", self.listen)
                async def listen(self, event):
                    event.respondWith(Response(f"{WHO} {WHO}"))
            App().register()
            """
    },
}


@pytest.mark.parametrize("name", SERVICE_WORKERS)
def test_service_worker_style_wherever_it_registers(name: str, tmp_path: Path) -> None:
    """`addEventListener` needs no import, and what is in `env` is global from then on."""
    directory = write_worker(tmp_path, "old", "", config='vars = { WHO = "me" }')
    for module, code in SERVICE_WORKERS[name].items():
        text = "from workers import Response\n" + dedent(code)
        (directory / "src" / f"{module}.py").write_text(text)

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("old") == "me me"

    run_mesh(tmp_path, check)


def test_missing_service_says_what_to_do(tmp_path: Path) -> None:
    """A call that leads nowhere raises ServiceUnavailable naming caller, binding and service."""
    write_worker(
        tmp_path,
        "caller",
        """
        from workers import Response, ServiceUnavailable, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                try:
                    await self.env.CALLEE.fetch("/")
                except ServiceUnavailable as error:
                    return Response(f"{error.caller} {error.binding} {error.target}: {error}")
        """,
        config=BIND_CALLEE,
    )

    async def check(mesh: MeshUnderTest) -> None:
        text = await mesh.text("caller")
        assert text.startswith("caller CALLEE callee: worker caller called env.CALLEE")
        assert "`meshctl workers` says whether" in text

    run_mesh(tmp_path, check)


def test_awaitable_results_are_awaited(tmp_path: Path) -> None:
    """An un-awaited call returned from a handler, sync or async, is awaited for it."""
    write_worker(
        tmp_path,
        "caller",
        """
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return self.env.A.fetch(request)
        class Sync(WorkerEntrypoint):
            def fetch(self, request):
                return self.env.B.fetch(request)
        """,
        config="""
        services = [
          { binding = "A", service = "caller", entrypoint = "Sync" },
          { binding = "B", service = "callee" },
        ]
        """,
    )
    write_worker(
        tmp_path,
        "callee",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self):
                return Response("deep")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == "deep"

    run_mesh(tmp_path, check)


def test_concurrent_calls_do_not_mix(tmp_path: Path) -> None:
    """Calls made at once in a TaskGroup each see their own invocation."""
    write_pair(
        tmp_path,
        """
        import asyncio
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def one(self, n):
                return await (await self.env.CALLEE.fetch(f"/{n}")).text()
            async def fetch(self, request):
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self.one(n)) for n in range(20)]
                return Response(" ".join(task.result() for task in tasks))
        """,
        """
        import asyncio
        import contextvars
        from workers import Response, WorkerEntrypoint
        mine = contextvars.ContextVar("mine")
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                mine.set(request.url)
                await asyncio.sleep(0.001)
                assert mine.get() == request.url
                return Response(mine.get().rsplit("/", 1)[1])
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == " ".join(str(n) for n in range(20))

    run_mesh(tmp_path, check)


def test_concurrent_requests_finish_out_of_order(tmp_path: Path) -> None:
    """A slow invocation holds up nobody else."""
    write_worker(
        tmp_path,
        "gate",
        """
        import asyncio
        from workers import Response, WorkerEntrypoint
        opened = asyncio.Event()
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("/open"):
                    opened.set()
                await opened.wait()
                return Response("through")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(mesh.text("gate", "http://t/wait"))
            await asyncio.sleep(0)
            assert await mesh.text("gate", "http://t/open") == "through"
        assert waiting.result() == "through"

    run_mesh(tmp_path, check)
