"""The example with its workers on several hosts: the calls, live bindings, and what may break."""

from __future__ import annotations

import re
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.agent_process import AgentProcess, run_agent
from tests.support.several_hosts import ControlProcess, Relay, SeveralHosts, wait_for
from tests.support.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
AWAY_SECONDS = 2.0
"""So long that the agents are not back at once when the control plane is."""

TOKEN = {"x-custom-token": "let-me-in"}

GATEWAY = """
from workers import CallError, Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        try:
            answer = await self.env.BACKEND.fetch(request)
        except CallError as error:
            if "/raise" in request.url:
                raise
            said = f"{type(error).__name__}|{error.caller}|{error.binding}|{error.target}|{error}"
            return Response(said, status=299)
        return Response(f"{await answer.text()}")
"""
BACKEND = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"NAME {self.ctx.caller} {self.ctx.props} {self.env.__dict__.get('V')}")

class Other(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"NAME.Other {self.ctx.caller} {self.ctx.props}")
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its secret."""
    folder = tmp_path_factory.mktemp("example") / "mesh"
    shutil.copytree(ROOT / "examples" / "auth-gateway", folder)
    shutil.copy(folder / "auth/.dev.vars.example", folder / "auth/.dev.vars")
    return folder


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway bound to `backend`, and backends to bind it to."""
    folder = tmp_path_factory.mktemp("workers")
    for name in ("backend", "backend2", "late"):
        write_worker(folder, name, BACKEND.replace("NAME", name))
    write_worker(
        folder,
        "gateway",
        GATEWAY,
        'workers_dev = true\nservices = [{ binding = "BACKEND", service = "backend" }]',
    )
    return folder


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[SeveralHosts]:
    """A control plane, for agents to join."""
    with SeveralHosts(tmp_path) as several:
        yield several


def write_worker(folder: Path, name: str, code: str, more: str = "") -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "entry.py").write_text(code)
    (folder / name / "wrangler.toml").write_text(f'name = "{name}"\nmain = "entry.py"\n{more}\n')


def ask(agent: AgentProcess, path: str = "/") -> str:
    return agent.request(path).body.decode()


def raw_answer(agent: AgentProcess, request: bytes) -> bytes:
    """The bytes of one response, without the date."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as client:
        client.sendall(request)
        answer = b""
        while part := client.recv(65536):
            answer += part
    return re.sub(rb"Date: [^\r]*", b"Date:", answer)


PASS = b"Host: x\r\nx-custom-token: let-me-in\r\nConnection: close\r\n"
CHUNKS = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
RAW_REQUESTS = [
    b"GET /a/b?c=d HTTP/1.1\r\n" + PASS + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"HEAD / HTTP/1.1\r\n" + PASS + b"\r\n",
    b"POST / HTTP/1.1\r\n" + PASS + b"Content-Length: 5\r\n\r\nhello",
    b"PUT / HTTP/1.1\r\n" + PASS + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    b"GET / HTTP/1.1\r\nHost: x\r\nx-custom-token: wr\xe4ng\r\nConnection: close\r\n\r\n",
]


def test_responses_equal_those_of_one_host(
    hosts: SeveralHosts, example: Path, tmp_path: Path
) -> None:
    """Byte for byte, headers included, wherever auth and application run."""
    with (
        AgentProcess(str(example), directory=tmp_path / "alone") as alone,
        hosts.agent("two", example / "auth", example / "application"),
        hosts.agent("one", example / "gateway") as gateway,
    ):
        for request in RAW_REQUESTS:
            assert raw_answer(gateway, request) == raw_answer(alone, request)
        assert gateway.request("/", headers=TOKEN).status == 200
        assert gateway.request("/").status == 403


def test_calls_between_groups_of_one_host(example: Path, tmp_path: Path) -> None:
    """Over Unix sockets, with the control plane inside the agent."""
    folder = tmp_path / "mesh"
    shutil.copytree(example, folder)
    (folder / "mesh.toml").write_text('[groups.back]\nworkers = ["auth", "application"]\n')
    with AgentProcess(str(folder), directory=tmp_path / "agent") as agent:
        assert len(agent.cells()) == 2
        for _ in range(10):
            assert agent.request("/", headers=TOKEN).status == 200
            assert agent.request("/").status == 403
        assert agent.stop()[0] == 0
    assert list((tmp_path / "agent/state/run").iterdir()) == []


def test_bind_switches_the_very_next_request_on_every_host(
    hosts: SeveralHosts, workers: Path
) -> None:
    """Once `meshctl bind` has returned, no host of the caller uses the old target."""
    with (
        hosts.agent("back", workers / "backend", workers / "backend2"),
        hosts.agent("one", workers / "gateway") as one,
        hosts.agent("two", workers / "gateway") as two,
        Traffic(one.port) as traffic_one,
        Traffic(two.port) as traffic_two,
    ):
        for number in range(20):
            target = ("backend2", "backend")[number % 2]
            hosts.meshctl("bind", "gateway", f"BACKEND={target}")
            returned = time.monotonic()
            assert ask(one).startswith(f"{target} gateway")
            assert ask(two).startswith(f"{target} gateway")
            for traffic in (traffic_one, traffic_two):
                traffic.wait_for(8)
                late = [record for record in list(traffic.records) if record.sent > returned]
                assert {record.body.split()[0].decode() for record in late} == {target}
        assert traffic_one.statuses == traffic_two.statuses == {200}


def test_bind_with_entrypoint_and_props(hosts: SeveralHosts, workers: Path) -> None:
    """The callee reads `ctx.props` and `ctx.caller`, and the named entrypoint answers."""
    with (
        hosts.agent("back", workers / "backend", workers / "backend2"),
        hosts.agent("one", workers / "gateway") as gateway,
    ):
        hosts.meshctl("bind", "gateway", "BACKEND=backend2#Other", "--props", '{"plan": "gold"}')
        assert ask(gateway) == "backend2.Other gateway {'plan': 'gold'}"
        assert "set" in hosts.meshctl("bindings", "gateway")
        hosts.meshctl("bind", "--reset", "gateway", "BACKEND")
        assert ask(gateway) == "backend gateway {} None"
        assert "declared" in hosts.meshctl("bindings", "gateway")
        hosts.meshctl("bind", "gateway", "backend=backend2")  # the case of the name is forgiven
        assert ask(gateway).startswith("backend2 ")


def test_unbind_makes_the_next_call_say_how_to_bind(hosts: SeveralHosts, workers: Path) -> None:
    """The worker can catch it; uncaught, the public gets a bare 500."""
    with (
        hosts.agent("back", workers / "backend"),
        hosts.agent("one", workers / "gateway") as gateway,
    ):
        assert ask(gateway).startswith("backend ")
        hosts.meshctl("unbind", "gateway", "BACKEND")
        said = ask(gateway)
        assert said.startswith("NotBound|gateway|BACKEND|None|")
        assert "meshctl bind gateway BACKEND=SERVICE" in said
        answer = gateway.request("/raise")
        assert (answer.status, answer.headers["x-mesh-error"]) == (500, "not_bound")
        hosts.meshctl("bind", "gateway", "BACKEND=backend")
        assert ask(gateway).startswith("backend ")


def test_binding_set_before_its_service_exists_works_when_it_comes(
    hosts: SeveralHosts, workers: Path
) -> None:
    """Until then a call raises ServiceUnavailable naming caller, binding and service."""
    with hosts.agent("one", workers / "gateway") as gateway:
        hosts.meshctl("bind", "gateway", "BACKEND=late")
        said = ask(gateway)
        assert said.startswith("ServiceUnavailable|gateway|BACKEND|late|")
        assert gateway.request("/raise").status == 503
        with hosts.agent("back", workers / "late"):
            wait_for(lambda: ask(gateway).startswith("late "), 1.0)


def test_vars_change_live(hosts: SeveralHosts, workers: Path) -> None:
    """A set var wins over the configured one, until it is deleted."""
    with (
        hosts.agent("back", workers / "backend"),
        hosts.agent("one", workers / "gateway") as gateway,
    ):
        assert ask(gateway).endswith(" None")
        hosts.meshctl("var", "set", "backend", "V=hello")
        assert ask(gateway).endswith(" hello")
        hosts.meshctl("var", "delete", "backend", "V")
        assert ask(gateway).endswith(" None")


def test_killed_agent_is_503_within_a_second_and_works_when_it_is_back(
    hosts: SeveralHosts, workers: Path
) -> None:
    """Worker code sees ServiceUnavailable with all names; the agent's return is noticed at once."""
    with hosts.agent("one", workers / "gateway") as gateway:
        with hosts.agent("back", workers / "backend") as back:
            wait_for(lambda: ask(gateway).startswith("backend "), 1.0)
            back.process.kill()
            killed = time.monotonic()
            wait_for(lambda: gateway.request("/raise").status == 503, 1.0)
            while time.monotonic() < killed + 25.0:
                began = time.monotonic()
                said = ask(gateway)
                assert re.match(r"(ServiceUnavailable|LinkLost)\|gateway\|BACKEND\|backend\|", said)
                assert gateway.request("/raise").status == 503
                assert time.monotonic() - began < 1.0
                time.sleep(0.5)
        with hosts.agent("back", workers / "backend"):
            wait_for(lambda: ask(gateway).startswith("backend "), 1.0)


def test_control_plane_away_costs_no_request(hosts: SeveralHosts, workers: Path) -> None:
    """Killed and back, its bindings are still there; an agent restarted meanwhile serves."""
    with (
        hosts.agent("back", workers / "backend", workers / "backend2"),
        hosts.agent("one", workers / "gateway") as one,
    ):
        with hosts.agent("two", workers / "gateway"):
            hosts.meshctl("bind", "gateway", "BACKEND=backend2")  # and killed at the end
        with Traffic(one.port) as traffic:
            hosts.control.kill()
            traffic.wait_for(100)
            with hosts.agent("two", workers / "gateway") as two:
                assert ask(two).startswith("backend2 ")
                assert "session.away" in two.log
                traffic.wait_for(100)
                hosts.control.start()
                wait_for(lambda: hosts.meshctl("agents").count("connected") == 3, 10.0)
                traffic.wait_for(100)
                hosts.meshctl("bind", "gateway", "BACKEND=backend")
                assert ask(two).startswith("backend ")
                hosts.meshctl("bind", "gateway", "BACKEND=backend2")
        assert traffic.statuses == {200}
        assert {record.body.split()[0] for record in traffic.records} == {b"backend2", b"backend"}
        assert "set" in hosts.meshctl("bindings", "gateway")


@pytest.mark.parametrize("kill", ["before the bind", "in the bind"])
def test_bind_around_a_restart_of_the_control_plane_costs_no_request(
    hosts: SeveralHosts, workers: Path, kill: str
) -> None:
    """Killed before it, the agents are yet to join again; in it, its order has to go on."""
    with (
        hosts.agent("back", workers / "backend"),
        hosts.agent("back2", workers / "backend2"),
        hosts.agent("one", workers / "gateway") as one,
        Traffic(one.port) as traffic,
    ):
        traffic.wait_for(50)
        if kill == "before the bind":
            hosts.control.kill()
            time.sleep(AWAY_SECONDS)
            hosts.control.start()
            hosts.begin_meshctl("bind", "gateway", "BACKEND=backend2").wait()
        else:
            before = hosts.control.stored_bytes()
            binding = hosts.begin_meshctl("bind", "gateway", "BACKEND=backend2")
            while hosts.control.stored_bytes() == before:
                time.sleep(0.0001)
            hosts.control.kill()
            binding.wait()
            time.sleep(AWAY_SECONDS)
            hosts.control.start()
        wait_for(lambda: ask(one).startswith("backend2 "), 8.0)
        traffic.wait_for(200)
        assert traffic.statuses == {200}
        assert {record.body.split()[0] for record in traffic.records} == {b"backend", b"backend2"}


def test_bind_while_the_callers_agent_is_cut_off_costs_no_request(
    hosts: SeveralHosts, workers: Path
) -> None:
    """It serves the old way until it hears of the new one; the command does not wait for it."""
    with (
        Relay(hosts.control.address) as relay,
        hosts.agent("back", workers / "backend", workers / "backend2"),
        hosts.agent("one", workers / "gateway", control=relay.address) as one,
        Traffic(one.port) as traffic,
    ):
        traffic.wait_for(50)
        relay.cut()
        wait_for(lambda: "lost" in hosts.meshctl("agents"), 5.0)
        said = hosts.meshctl("bind", "gateway", "BACKEND=backend2", code=1)
        assert "one" in said
        traffic.wait_for(300)
        assert ask(one).startswith("backend ")
        relay.mend()
        wait_for(lambda: ask(one).startswith("backend2 "), 8.0)
        traffic.wait_for(200)
        assert traffic.statuses == {200}
        assert {record.body.split()[0] for record in traffic.records} == {b"backend", b"backend2"}


def test_stopped_agent_has_left_and_takes_its_requests_along(
    hosts: SeveralHosts, workers: Path
) -> None:
    """SIGTERM ends an agent that the others call with exit code 0; it runs nothing any more."""
    with hosts.agent("one", workers / "gateway") as gateway:
        with hosts.agent("back", workers / "backend") as back:
            wait_for(lambda: ask(gateway).startswith("backend "), 1.0)
            code, seconds = back.stop()
            assert code == 0
            assert seconds < 5.0
        assert ask(gateway).startswith("ServiceUnavailable|")
        assert re.search(r"^back +left ", hosts.meshctl("agents"), re.MULTILINE)
        assert "backend" not in hosts.meshctl("workers")
        assert "unavailable" in hosts.meshctl("bindings", "gateway")
        assert "lost" not in hosts.meshctl("status")


def test_wrong_control_address_is_an_error(workers: Path, tmp_path: Path) -> None:
    """Exit code 2, naming the address and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    code, said = run_agent(
        str(workers / "gateway"), "--control", address, "--insecure", directory=tmp_path
    )
    assert code == 2
    assert f"error: {address}: no control plane answers there" in said
    assert "--control" in said
    assert "Traceback" not in said


def test_control_plane_of_another_mesh_is_an_error(
    hosts: SeveralHosts, workers: Path, tmp_path: Path
) -> None:
    """An agent that belongs to one mesh does not serve another by mistake."""
    with hosts.agent("one", workers / "gateway"):
        pass
    with ControlProcess(tmp_path / "other") as other:
        flags = ("--control", other.address, "--insecure", "--agent", "one")
        code, said = run_agent(str(workers / "gateway"), *flags, directory=hosts.directory / "one")
    assert code == 2
    assert "mesh-" in said
    assert "--state-dir" in said
    assert "Traceback" not in said


def test_name_of_a_live_agent_is_an_error(
    hosts: SeveralHosts, workers: Path, tmp_path: Path
) -> None:
    """Two hosts of one name would take each other's calls."""
    with hosts.agent("one", workers / "gateway"):
        flags = ("--control", hosts.control.address, "--insecure", "--agent", "one")
        code, said = run_agent(str(workers / "backend"), *flags, directory=tmp_path / "second")
    assert code == 2
    assert "--agent" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (["--control", "127.0.0.1:1"], "--control: plaintext between hosts needs a yes"),
        (["--peer-listen", "127.0.0.1:9500-9501"], "--peer-listen: plaintext between hosts needs"),
        (["--control", "nowhere", "--insecure"], "--control: `nowhere` is not HOST:PORT"),
        (["--peer-listen", "127.0.0.1:9500", "--insecure"], "is not HOST:FIRST-LAST"),
        (["--peer-listen", "127.0.0.1:9-8", "--insecure"], "`9-8` is no range of ports"),
        (["--peer-listen", "0.0.0.0:1-9", "--insecure"], "is every address of this host"),
        (["--advertise", "a", "--insecure"], "--advertise: no peer_listen to advertise"),
        (["--agent", "a b"], "--agent: `a b` is no agent name"),
    ],
)
def test_wrong_flags_are_errors(
    workers: Path, tmp_path: Path, flags: list[str], error: str
) -> None:
    """Each names the flag and the fix; nothing is started."""
    code, said = run_agent(str(workers / "gateway"), *flags, directory=tmp_path)
    assert code == 2
    assert error in said
    assert "Traceback" not in said


def test_no_free_peer_port_is_an_error(hosts: SeveralHosts, workers: Path, tmp_path: Path) -> None:
    """Each cell needs a port of the range."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = ("--control", hosts.control.address, "--insecure")
        code, said = run_agent(
            str(workers / "backend"),
            *flags,
            "--peer-listen",
            f"127.0.0.1:{port}-{port}",
            directory=tmp_path / "agent",
        )
    assert code == 2
    assert f"--peer-listen 127.0.0.1:{port}-{port}: no port of it is free" in said
