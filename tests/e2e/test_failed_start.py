"""An agent that cannot start after it has joined leaves nothing behind in the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.agent_process import run_agent
from tests.support.files import write_worker
from tests.support.several_hosts import SeveralHosts

if TYPE_CHECKING:
    from pathlib import Path

HELLO = """
    from workers import Response, WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return Response("hello")
"""


def test_agent_that_fails_to_load_leaves_the_mesh(tmp_path: Path) -> None:
    """Its worker is not listed, and its name is free at once."""
    broken = write_worker(tmp_path, "phantom", "import nothing_of_this_name")
    sound = write_worker(tmp_path, "sound", HELLO)
    with SeveralHosts(tmp_path / "hosts") as hosts:
        flags = ("--control", hosts.control.address, "--insecure", "--agent", "one")
        code, said = run_agent(str(broken), *flags, directory=tmp_path / "first")
        assert code == 2
        assert "nothing_of_this_name" in said
        assert "phantom" not in hosts.meshctl("workers")
        with hosts.agent("one", sound):
            assert "sound" in hosts.meshctl("workers")


def test_impossible_manifest_is_refused(tmp_path: Path) -> None:
    """What the control plane cannot take, it names; the agent ends with exit code 2."""
    text = "x" * 70_000
    props = f'props = {{ a = "{text}" }}'
    config = f'services = [{{ binding = "B", service = "s", {props} }}]'
    worker = write_worker(tmp_path, "large", HELLO, config=config)
    with SeveralHosts(tmp_path / "hosts") as hosts:
        flags = ("--control", hosts.control.address, "--insecure", "--agent", "one")
        code, said = run_agent(str(worker), *flags, directory=tmp_path / "first")
    assert code == 2
    assert "error: worker large: binding B: the props are longer than 65536 bytes" in said
    assert "Traceback" not in said
