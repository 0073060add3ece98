"""Bad input: exit code 2, what is wrong, where and how to mend it; nothing is left running."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.agent_process import AgentProcess, run_agent
from tests.support.files import write, write_worker

if TYPE_CHECKING:
    from pathlib import Path

HELLO = """
    from workers import Response, WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return Response("hello")
"""

MAINS = {
    "syntax error": ("x = 1\ndef broken(:\n    pass\n", "entry.py:2: syntax error:"),
    "missing module": ("import os\nimport nosuch\n", "entry.py:2: cannot be imported:"),
    "missing module, the fix": ("import nosuch\n", "install 'nosuch' for the agent's Python"),
    "error at import": ("\n\n1 / 0\n", "entry.py:3: cannot be imported: ZeroDivisionError"),
    "exit at import": ("import sys\nsys.exit(0)\n", "entry.py:2: cannot be imported: SystemExit"),
    "death at import": ("import os\nos._exit(7)\n", "ended while loading: exit code 7"),
    "nonsense to the agent": (
        """
        import os, socket, sys
        with socket.socket(fileno=os.dup(int(sys.argv[1]))) as end:
            end.send(b"\\xff" * 8)
        import time
        time.sleep(30)
        """,
        "ended while loading: signal SIGKILL",
    ),
    "no handler": ("x = 1\n", "define `class Default(WorkerEntrypoint)`"),
    "two handlers": (
        "def on_fetch(request): ...\naddEventListener('fetch', print)\n",
        "Cannot define multiple default entrypoints: on_fetch and addEventListener",
    ),
}


@pytest.mark.parametrize("name", MAINS)
def test_main_that_cannot_run(name: str, tmp_path: Path) -> None:
    """The message names file and line of the worker's own code."""
    code, expected = MAINS[name]
    directory = write_worker(tmp_path, "broken", HELLO, config="workers_dev = true")
    write(directory / "src" / "entry.py", code)
    write_worker(tmp_path, "sound", HELLO)
    status, text = run_agent("broken", "sound", directory=tmp_path)
    assert status == 2
    assert expected in text
    assert "Traceback" not in text


NAME_AND_MAIN = 'name = "x"\nmain = "src/entry.py"\n'
TWICE_A = """
[[services]]
binding = "A"
service = "a"
[[services]]
binding = "A"
service = "b"
"""

CONFIGS = {
    "broken TOML": ('name = "x\n', "wrangler.toml:1"),
    "no main": ('name = "x"\n', "`main`"),
    "main is not there": ('name = "x"\nmain = "src/nosuch.py"\n', "nosuch.py"),
    "unknown key": ('name = "x"\nmian = "src/entry.py"\n', "did you mean `main`?"),
    "duplicate binding": (
        NAME_AND_MAIN + TWICE_A,
        "services[1].binding",
    ),
    "entrypoint that is not there": (
        NAME_AND_MAIN + 'services = [{ binding = "A", service = "x", entrypoint = "Admin" }]',
        "worker x has no entrypoint Admin",
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_config_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    """The message names the file, the key or the line, and the fix."""
    text, expected = CONFIGS[name]
    directory = write_worker(tmp_path, "x", HELLO)
    (directory / "wrangler.toml").write_text(text)
    status, errors = run_agent("x", directory=tmp_path)
    assert status == 2
    assert expected in errors
    assert "wrangler.toml" in errors
    assert "Traceback" not in errors


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """Two broken workers give two problems."""
    for name in ("one", "two"):
        directory = write_worker(tmp_path, name, HELLO)
        write(directory / "src" / "entry.py", "import nosuch\n")
    status, errors = run_agent("one", "two", directory=tmp_path)
    assert status == 2
    assert errors.count("error: ") == 2


def test_one_group_that_cannot_load_stops_all(tmp_path: Path) -> None:
    """No group serves unless every group loads: exit code 2, and no process is left."""
    write_worker(tmp_path, "sound", HELLO, config="workers_dev = true")
    directory = write_worker(tmp_path, "broken", HELLO)
    write(directory / "src" / "entry.py", "import nosuch\n")
    write(tmp_path / "mesh.toml", '[groups.apart]\nworkers = ["broken"]\n')
    status, errors = run_agent(directory=tmp_path)
    assert status == 2
    assert "entry.py:1: cannot be imported" in errors


def test_public_worker_without_default_entrypoint(tmp_path: Path) -> None:
    """It could answer nobody."""
    code = "from workers import WorkerEntrypoint\nclass Admin(WorkerEntrypoint): pass\n"
    write_worker(tmp_path, "x", code, config="workers_dev = true")
    status, errors = run_agent("x", directory=tmp_path)
    assert (status, "is public, but has no default entrypoint" in errors) == (2, True)


def test_dependencies_that_do_not_fit(tmp_path: Path) -> None:
    """A group has one version of each package: two workers that need others cannot both start."""
    for name, needs in (("one", "aiohttp>=3"), ("two", "aiohttp<3"), ("three", "no-such-package")):
        directory = write_worker(tmp_path, name, HELLO)
        write(
            directory / "pyproject.toml", f"[project]\ndependencies = ['{needs}', 'workers-py']\n"
        )
    status, errors = run_agent("one", "two", "three", directory=tmp_path)
    assert status == 2
    assert errors.count("error: ") == 2
    assert "two/pyproject.toml: dependency aiohttp<3 does not fit" in errors
    assert "shared with" in errors
    assert "use another group" in errors
    assert "no-such-package is not installed" in errors


def test_script_beside_a_project_of_somebody_else(tmp_path: Path) -> None:
    """Only a worker with a wrangler file has dependencies."""
    write(tmp_path / "pyproject.toml", "[project]\ndependencies = ['no-such-package']\n")
    write(tmp_path / "plain.py", HELLO)
    with AgentProcess("plain.py", "--edge", "plain", directory=tmp_path) as agent:
        assert agent.request("/").body == b"hello"


def test_same_worker_twice(tmp_path: Path) -> None:
    """Both files are named."""
    write_worker(tmp_path / "a", "same", HELLO)
    write_worker(tmp_path / "b", "same", HELLO)
    status, errors = run_agent("a/same", "b/same", directory=tmp_path)
    assert status == 2
    assert "a/same" in errors
    assert "b/same" in errors


def test_binding_to_a_worker_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    """It may come later: the agent starts and says so."""
    write_worker(
        tmp_path,
        "x",
        HELLO,
        config='workers_dev = true\nservices = [{ binding = "A", service = "later" }]',
    )
    with AgentProcess("x", directory=tmp_path) as agent:
        assert agent.request("/").body == b"hello"
        assert "warning: " in agent.log
        assert "`later`" in agent.log


def test_port_taken(tmp_path: Path) -> None:
    """The address is named, and how to take another."""
    write_worker(tmp_path, "x", HELLO, config="workers_dev = true")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, errors = run_agent("x", "--edge-listen", address, directory=tmp_path)
    assert status == 2
    assert f"{address}: cannot listen there (Address already in use)" in errors
    assert "--edge-listen" in errors


def test_state_directory_held_by_another_agent(tmp_path: Path) -> None:
    """The second agent names the first one's pid; the first one goes on."""
    write_worker(tmp_path, "x", HELLO, config="workers_dev = true")
    with AgentProcess("x", directory=tmp_path) as agent:
        status, errors = run_agent("x", "--edge-listen", "127.0.0.1:0", directory=tmp_path)
        assert status == 2
        assert f"(pid {agent.process.pid})" in errors
        assert agent.request("/").body == b"hello"


def test_state_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """Or is none: not even root can write into a file."""
    write_worker(tmp_path, "x", HELLO)
    write(tmp_path / "state", "a file")
    status, errors = run_agent("x", directory=tmp_path)
    assert status == 2
    assert "the state directory is not a directory" in errors
    assert "--state-dir" in errors


def test_no_worker(tmp_path: Path) -> None:
    """An empty directory, and one that is not there."""
    status, errors = run_agent(directory=tmp_path)
    assert (status, "no wrangler.toml" in errors) == (2, True)
    status, errors = run_agent("nosuch", directory=tmp_path)
    assert (status, "nosuch" in errors) == (2, True)


def test_bare_script_and_environments_side_by_side(tmp_path: Path) -> None:
    """A script is a worker; two environments of one worker run at once; routes choose."""
    write(
        tmp_path / "plain.py",
        """
        from workers import Response
        def on_fetch(request):
            return Response("plain")
        """,
    )
    write_worker(
        tmp_path,
        "shop",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response(self.env.WHERE)
        """,
        config="""
        vars = { WHERE = "production" }
        routes = ["shop.example/*"]
        [env.staging]
        vars = { WHERE = "staging" }
        routes = ["staging.shop.example/*"]
        """,
    )
    with AgentProcess(
        "plain.py", "shop", "shop@staging", "--edge", "plain", directory=tmp_path
    ) as agent:
        for host, expected in (
            ("shop.example", (200, b"production")),
            ("staging.shop.example:80", (200, b"staging")),
            ("plain.localhost", (200, b"plain")),
            ("other.example", (421, b"")),
        ):
            answer = agent.request("/", headers={"host": host})
            assert (answer.status, answer.body) == expected


def test_groups_run_in_processes_of_their_own(tmp_path: Path) -> None:
    """Calls in a group and between groups look the same to the worker."""
    write_worker(
        tmp_path,
        "front",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                near = await (await self.env.NEAR.fetch(request.clone())).text()
                far = await (await self.env.FAR.fetch(request)).text()
                return Response(f"{near} {far}")
        """,
        config="""
        workers_dev = true
        services = [{ binding = "NEAR", service = "near" }, { binding = "FAR", service = "far" }]
        """,
    )
    write_worker(tmp_path, "near", HELLO)
    write_worker(tmp_path, "far", HELLO)
    write(tmp_path / "mesh.toml", '[groups.apart]\nworkers = ["far"]\n')
    with AgentProcess(directory=tmp_path) as agent:
        assert len(agent.cells()) == 2
        assert agent.request("/").body == b"hello hello"


def test_run_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """It names the path and what to do, before anything is started."""
    write_worker(tmp_path, "hello", HELLO, config="workers_dev = true")
    write(tmp_path / "state" / "run", "in the way")
    status, text = run_agent("hello", directory=tmp_path)
    assert status == 2
    assert f"{tmp_path / 'state' / 'run'}: cannot hold the sockets of the cells" in text
    assert "Traceback" not in text


def test_state_directory_with_too_long_a_path(tmp_path: Path) -> None:
    """Unix sockets have short paths."""
    write_worker(tmp_path, "hello", HELLO, config="workers_dev = true")
    status, text = run_agent(str(tmp_path / "hello"), directory=tmp_path / ("x" * 100))
    assert status == 2
    assert "--state-dir" in text
    assert "Traceback" not in text
