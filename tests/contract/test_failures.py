"""What a caller gets when its callee fails: always an exception of its own, never harm."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from tests.support.files import write_pair, write_worker
from tests.support.mesh_under_test import MeshUnderTest, Placement, placement, run_mesh
from workers import CallError, RemoteError, Request, Response, ServiceUnavailable
from workers.context import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from workers.context import Call

REPORTING_CALLER = """
    import asyncio
    from workers import CallError, Response, WorkerEntrypoint

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            try:
                answer = await self.env.CALLEE.fetch(request)
                return Response("unharmed " + await answer.text())
            except CallError as error:
                await asyncio.sleep(0)  # a cancellation that leaked would strike here
                kind = type(error).__mro__
                names = ",".join(c.__name__ for c in kind[:3])
                return Response(f"{names}|{error}|{error.__cause__}|{error.__context__}")
"""

FAILING = {
    "raises": ("raise ValueError('boom')", "ValueError,RemoteError,CallError|boom"),
    "raises a private class": ("raise Mine('own')", "RemoteError,CallError,Exception|own"),
    "os error": ("raise FileNotFoundError(2, 'gone')", "FileNotFoundError,RemoteError,CallError|"),
    "sys.exit": ("import sys; sys.exit(3)", "RemoteError,CallError,Exception|3"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "RemoteError,CallError,Exception|Keyboard"),
    "GeneratorExit": ("raise GeneratorExit", "RemoteError,CallError,Exception|GeneratorExit"),
    "CancelledError": ("raise asyncio.CancelledError", "RemoteError,CallError,Exception|Cancelled"),
    "StopIteration": ("raise StopIteration", "RuntimeError,RemoteError,CallError|coroutine raised"),
    "cancels its task": (
        "asyncio.current_task().cancel(); await asyncio.sleep(1)",
        "RemoteError,CallError,Exception|Cancelled",
    ),
    "cancels its task twice": (
        "t = asyncio.current_task(); t.cancel(); t.cancel(); await asyncio.sleep(1)",
        "RemoteError,CallError,Exception|Cancelled",
    ),
    "cancels its task and goes on": (
        "asyncio.current_task().cancel(); return Response('fine')",
        "unharmed fine",
    ),
    "cancels its task and swallows it": (
        """
        asyncio.current_task().cancel()
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            pass
        return Response('fine')""",
        "unharmed fine",
    ),
    "cancels its task, then fails": (
        "asyncio.current_task().cancel(); raise ValueError('both')",
        "ValueError,RemoteError,CallError|both",
    ),
    "awaits a cancelled child": (
        "child = asyncio.create_task(asyncio.sleep(9)); child.cancel(); await child",
        "RemoteError,CallError,Exception|Cancelled",
    ),
    "time-out of its own": (
        """
        async with asyncio.timeout(0.001):
            await asyncio.sleep(9)""",
        "TimeoutError,RemoteError,CallError|TimeoutError",
    ),
    "failed TaskGroup": (
        """
        async def bad():
            raise ValueError('child')
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            await asyncio.sleep(9)""",
        "RemoteError,CallError,Exception|unhandled errors",
    ),
    "failed TaskGroup while it is left": (
        """
        async def bad():
            raise ValueError('child')
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())""",
        "RemoteError,CallError,Exception|unhandled errors",
    ),
    "failed TaskGroup that is caught": (
        """
        async def bad():
            raise ValueError('child')
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(bad())
        except* ValueError:
            pass
        await asyncio.sleep(0)
        return Response('fine')""",
        "unharmed fine",
    ),
    "raises a private CallError": (
        """
        class Mean(CallError):
            kind = 'a\\r\\nX-Evil: 1'
        raise Mean('private')""",
        "RemoteError,CallError,Exception|private",
    ),
    "returns a dict": ("return {'a': 1}", "TypeError,RemoteError,CallError|the handler of callee"),
    "returns nothing": ("return None", "TypeError,RemoteError,CallError|the handler of callee"),
}


@pytest.mark.parametrize("name", FAILING)
def test_callee_fails(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets a new CallError, an instance of the callee's class where it may know it.

    It holds none of the callee's frames, the caller's task is not cancelled, and the log has the
    traceback once.
    """
    statement, expected = FAILING[name]
    lines = statement.strip("\n").split("\n")
    indent = " " * 4
    body = "\n".join((indent * 4 + line.removeprefix(indent * 2)) for line in lines)
    write_pair(
        tmp_path,
        REPORTING_CALLER,
        f"""
        import asyncio
        from workers import CallError, Response, WorkerEntrypoint
        class Mine(Exception): pass
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
{body}
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        text = await mesh.text("caller")
        assert text.startswith(expected)
        assert "|" not in text or text.endswith("|None|None")
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        run_mesh(tmp_path, check)
    logged = [record for record in caplog.records if record.message == "worker.failed"]
    assert len(logged) == (0 if expected.startswith("unharmed") else 1)
    assert all(record.exc_info for record in logged)


def test_failure_passes_through_two_workers_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A CallError that a handler lets through keeps its class and data, and adds no traceback."""
    write_worker(
        tmp_path,
        "first",
        """
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return await self.env.SECOND.fetch(request)
        """,
        config='services = [{ binding = "SECOND", service = "second" }]',
    )
    write_worker(
        tmp_path,
        "second",
        """
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("gone"):
                    return await self.env.NOWHERE.fetch(request)
                return await self.env.THIRD.fetch(request)
        """,
        config="""services = [
            { binding = "THIRD", service = "third" }, { binding = "NOWHERE", service = "no" }]""",
    )
    write_worker(
        tmp_path,
        "third",
        """
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                raise LookupError("nothing")
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        with pytest.raises(RemoteError, match="nothing") as caught:
            await mesh.fetch("first")
        assert isinstance(caught.value, LookupError)
        assert (caught.value.remote_class, caught.value.target) == ("LookupError", "third")
        with pytest.raises(ServiceUnavailable, match=r"env\.NOWHERE") as missing:
            await mesh.fetch("first", "http://t/gone")
        assert (missing.value.caller, missing.value.binding) == ("second", "NOWHERE")

    with caplog.at_level(logging.ERROR):
        run_mesh(tmp_path, check)
    assert [record.message for record in caplog.records] == ["worker.failed"]


ODD_FAILURES = {
    "target is a number": ("ServiceUnavailable('no', target=5)", "ServiceUnavailable|no|5"),
    "target is a path": ("CallError('no', target=Path('/db'))", "CallError|no|/db"),
    "target is half a character": ("CallError('no', target='caf\\udce9')", "CallError|no|caf?"),
    "no target": ("CallError('own')", "CallError|own|None"),
    "target that has no text": (
        "CallError('no', target=Exits())",
        "CallError|no|Exits (its text cannot be had)",
    ),
    "text that fails": ("Fails()", "RemoteError|Fails (its text cannot be had)|callee"),
    "text that exits": ("Exits()", "RemoteError|Exits (its text cannot be had)|callee"),
    "text that is none": (
        "CallError(Exits())",
        "CallError|CallError (its text cannot be had)|None",
    ),
    "odd module": ("OddModule('no')", "RemoteError|no|callee"),
    "pretends to be ours": ("Pretender('no')", "RemoteError|no|callee"),
    "odd metaclass": ("Meta('M', (Exception,), {})('no')", "RemoteError|no|callee"),
}


@pytest.mark.parametrize("name", ODD_FAILURES)
def test_failure_with_odd_parts_harms_nobody(name: str, tmp_path: Path) -> None:
    """Whatever an exception is made of, its caller gets it, and others get their answers."""
    statement, expected = ODD_FAILURES[name]
    write_pair(
        tmp_path,
        """
        from workers import CallError, Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                try:
                    return await self.env.CALLEE.fetch(request)
                except CallError as error:
                    return Response(f"{type(error).__name__}|{error}|{error.target}")
        """,
        f"""
        import asyncio
        from pathlib import Path
        from workers import CallError, Response, ServiceUnavailable, WorkerEntrypoint
        began, go_on = asyncio.Event(), asyncio.Event()
        class Fails(Exception):
            def __str__(self): raise ValueError("no text")
        class Exits(Exception):
            def __str__(self): raise SystemExit(3)
        class OddModule(Exception):
            __module__ = 5
        class Pretender(CallError):
            __module__ = CallError.__module__
            def __new__(cls, *args): return super().__new__(cls, *args) if args else 1 / 0
        class Meta(type):
            def __eq__(cls, other): return 1 / 0
            def __hash__(cls): return 1 / 0
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                path = request.url.rsplit("/", 1)[1]
                if path == "began":
                    await began.wait()
                elif path == "slow":
                    began.set()
                    await go_on.wait()
                elif path == "go_on":
                    go_on.set()
                else:
                    raise {statement}
                return Response(path)
        """,
    )

    async def check(mesh: MeshUnderTest) -> None:
        async with asyncio.TaskGroup() as tasks:
            slow = tasks.create_task(mesh.text("caller", "http://t/slow"))
            await mesh.text("callee", "http://t/began")
            assert await mesh.text("caller", "http://t/fail") == expected
            await mesh.text("callee", "http://t/go_on")
        assert slow.result() == "slow"

    run_mesh(tmp_path, check)


SLOW_CALLEE = """
    import asyncio
    from workers import Response, WorkerEntrypoint

    events = []
    begun = asyncio.Event()

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            if request.url.endswith("/events"):
                return Response(" ".join(events))
            if request.url.endswith("/begun"):
                await begun.wait()
                return Response("")
            events.append("began")
            begun.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                events.append("cancelled")
                {reaction}
            return Response("went on")
"""


@pytest.mark.parametrize("reaction", ["raise", "pass", "raise ValueError('late')"])
def test_cancelled_caller_stays_cancelled_whatever_the_callee_does(
    reaction: str, tmp_path: Path
) -> None:
    """Cancelling the caller reaches the callee, and comes back even if the callee swallows it."""
    write_pair(
        tmp_path,
        """
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return await self.env.CALLEE.fetch(request)
        """,
        SLOW_CALLEE.replace("{reaction}", reaction),
    )

    async def check(mesh: MeshUnderTest) -> None:
        call = asyncio.ensure_future(mesh.fetch("caller"))
        await mesh.text("callee", "http://t/begun")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await mesh.wait_text("callee", "http://t/events", "began cancelled")

    run_mesh(tmp_path, check)


@pytest.mark.parametrize("reaction", ["raise", "pass"])
def test_time_out_of_the_caller_works_across_the_call(reaction: str, tmp_path: Path) -> None:
    """asyncio.timeout around a call raises TimeoutError in the caller, not a CallError."""
    write_pair(
        tmp_path,
        """
        import asyncio
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                try:
                    async with asyncio.timeout(None) as limit:
                        async def expire():
                            await self.env.CALLEE.fetch("/begun")
                            limit.reschedule(0)
                        expiry = asyncio.create_task(expire())
                        await self.env.CALLEE.fetch(request)
                except TimeoutError as error:
                    await expiry
                    return Response(type(error).__name__)
        """,
        SLOW_CALLEE.replace("{reaction}", reaction),
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == "TimeoutError"

    run_mesh(tmp_path, check)


def test_cancel_scope_of_anyio_around_a_call(tmp_path: Path) -> None:
    """It knows its own cancellation by the message, which comes back from the callee."""
    write_pair(
        tmp_path,
        """
        import anyio
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                with anyio.move_on_after(0.01) as scope:
                    await self.env.CALLEE.fetch(request)
                return Response(f"moved on {scope.cancelled_caught}")
        """,
        SLOW_CALLEE.replace("{reaction}", "raise"),
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("caller") == "moved on True"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run_mesh(tmp_path, check)


def test_invocation_limit_is_a_total(tmp_path: Path) -> None:
    """Fan-out and nesting count together; the error shows the path; a worker may call itself."""
    write_worker(
        tmp_path,
        "loop",
        """
        from workers import InvocationLimitExceeded, Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                if request.url.endswith("/wide"):
                    n = 0
                    try:
                        while True:
                            await self.env.SELF.fetch("/leaf")
                            n += 1
                    except InvocationLimitExceeded:
                        return Response(str(n))
                if request.url.endswith("/leaf"):
                    return Response("leaf")
                return await self.env.SELF.fetch(request)
        """,
        config='services = [{ binding = "SELF", service = "loop" }]',
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert await mesh.text("loop", "http://t/wide") == "31"
        with pytest.raises(CallError, match=r"at most 32 invocations: loop → loop") as caught:
            await mesh.fetch("loop", "http://t/deep")
        assert caught.value.kind == "invocation_limit"
        assert str(caught.value).count("loop →") == 32

    run_mesh(tmp_path, check)


FAN_OUT = """
    import asyncio
    from workers import InvocationLimitExceeded, Response, WorkerEntrypoint
    runs, texts = 0, set()
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            global runs
            if request.url.endswith("/runs"):
                return Response(f"{runs} {' '.join(texts)}")
            runs += 1
            calls = [self.env.OTHER.fetch("/") for _ in range(20)]
            for error in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(error, InvocationLimitExceeded):
                    texts.add(str(error).partition(":")[0])
            return Response("x")
"""


def test_fan_out_over_links_stays_within_bounds(tmp_path: Path) -> None:
    """Calls at once do not know of each other's calls, so that each is lent a share of the limit.

    With a limit of 12, two workers that call each other 20 times at once run 158 times at most: the
    worst that the shares allow, 12 in one process, and 2 ** 11 without them.
    """
    for name, other in (("ping", "pong"), ("pong", "ping")):
        config = f'services = [{{ binding = "OTHER", service = "{other}" }}]'
        write_worker(tmp_path, name, FAN_OUT, config=config)

    async def check(mesh: MeshUnderTest) -> None:
        tree = Tree(12)
        await mesh.text("ping", tree=tree)
        runs = 0
        for name in ("ping", "pong"):
            count, text = (await mesh.text(name, "http://t/runs")).split(" ", 1)
            runs += int(count)
            assert text == "one request may cause at most 12 invocations"
        assert runs == 12 if placement.get() is Placement.SAME_CELL else 12 <= runs <= 158
        assert tree.abroad == 0

    run_mesh(tmp_path, check)


def test_fetch_to_the_outside_is_no_invocation(tmp_path: Path) -> None:
    """The limit counts workers; a worker may ask the outside more often than that."""
    write_worker(
        tmp_path,
        "asker",
        """
        from workers import Response, WorkerEntrypoint, fetch
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                for _ in range(40):
                    await fetch("http://outside.example/")
                return Response("asked")
        """,
    )

    class Outside:
        async def call(self, request: Request, call: Call) -> Response:
            return Response("answer")

    async def check(mesh: MeshUnderTest) -> None:
        mesh.hosts["asker"].outbound = Outside()
        assert await mesh.text("asker") == "asked"

    run_mesh(tmp_path, check)


def test_bindings_cannot_be_called_at_import(tmp_path: Path) -> None:
    """`env` is there at import, calls are not: the error says to call from a handler."""
    write_worker(
        tmp_path,
        "early",
        """
        from workers import NoInvocationError, Response, WorkerEntrypoint, env
        NAME = env.NAME
        call = env.SELF.fetch("/")
        try:
            call.send(None)
        except NoInvocationError as error:
            text = str(error)
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response(f"{NAME}: {text}")
        """,
        config='vars = { NAME = "n" }\nservices = [{ binding = "SELF", service = "early" }]',
    )

    async def check(mesh: MeshUnderTest) -> None:
        assert "n: env.SELF was called while the module was being imported" in await mesh.text(
            "early"
        )

    run_mesh(tmp_path, check)
