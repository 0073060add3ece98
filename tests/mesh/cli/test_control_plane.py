"""`meshctl` against a real control plane, with agents that confirm what they are told."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
import yaml
from click.testing import CliRunner, Result
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from mesh.cli.main import main as command
from mesh.control.server import ControlPlane
from mesh.transport.channels import open_channel
from mesh.v1 import admin_pb2
from mesh.v1.control_pb2 import (
    Ack,
    DeclaredBinding,
    FromAgent,
    Join,
    Target,
    WorkerManifest,
)
from mesh.v1.control_pb2_grpc import ControlStub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

ROOT = Path(__file__).parents[3]
API = (ROOT / "docs" / "api.md").read_text()
EXAMPLE = ROOT / "examples" / "admin-api" / "list_bindings.py"


def manifest(worker: str, *, names: tuple[str, ...] = (), **bindings: str) -> WorkerManifest:
    return WorkerManifest(
        worker=worker,
        digest="0" * 64,
        group="default",
        names=names,
        bindings=[
            DeclaredBinding(name=name, target=Target(service=service))
            for name, service in bindings.items()
        ],
    )


class Mesh:
    """A control plane on a Unix socket, found as a command on the same host finds it."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self.address = f"unix:{state_dir}/control.sock"

    async def meshctl(self, *arguments: str) -> Result:
        environ = {"MESH_STATE_DIR": str(self._state_dir), "MESH_CONTROL": None}
        runner = CliRunner()
        return await asyncio.to_thread(runner.invoke, command, arguments, env=environ)

    async def done(self, *arguments: str) -> str:
        """The output of a command that goes well."""
        result = await self.meshctl(*arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    async def value(self, *arguments: str):
        """The same as JSON values."""
        return json.loads(await self.done(*arguments, "--output", "json"))

    @asynccontextmanager
    async def agent(
        self, name: str, *workers: WorkerManifest, confirms: bool = True
    ) -> AsyncIterator[None]:
        """An agent that runs nothing, but says that it does."""
        async with open_channel(self.address) as channel, asyncio.TaskGroup() as tasks:
            call = ControlStub(channel).Session()
            try:
                join = Join(protocol=1, agent_id=f"id-{name}", agent=name, workers=workers)
                await call.write(FromAgent(join=join))
                assert (await call.read()).HasField("welcome")
                reader = tasks.create_task(self._follow(call, confirms=confirms))
                yield
                reader.cancel()
            finally:
                call.cancel()

    async def _follow(self, call, *, confirms: bool) -> None:
        while True:
            message = await call.read()
            if confirms and message.HasField("update"):
                await call.write(FromAgent(ack=Ack(position=message.update.position)))


def run_mesh(tmp_path: Path, test: Callable[[Mesh], Awaitable[None]]) -> None:
    async def run() -> None:
        async with ControlPlane(tmp_path), asyncio.timeout(20):
            await test(Mesh(tmp_path))

    asyncio.run(run())


GATEWAY = manifest("gateway", names=("LEVEL", "TOKEN"), AUTH="auth")
AUTH = manifest("auth")


def test_a_binding_is_set_removed_and_reset(tmp_path):
    """Each command prints what holds, and the listing agrees with its source."""

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY, AUTH), mesh.agent("host2", manifest("auth2")):
            assert await mesh.done("bind", "gateway", "auth=auth2") == (
                "gateway AUTH → auth2 (set, hides auth)\n"
            )
            assert await mesh.done("bindings") == (
                "CALLER   BINDING  TARGET  SOURCE  STATE      HIDES\n"
                "gateway  AUTH     auth2   set     available  auth\n"
            )
            assert await mesh.done("unbind", "gateway", "AUTH") == (
                "gateway AUTH (removed, hides auth)\n"
            )
            assert (await mesh.done("bindings", "gateway")).endswith(
                "gateway  AUTH     -       removed  -      auth\n"
            )
            assert await mesh.done("bind", "--reset", "gateway", "AUTH") == (
                "gateway AUTH → auth (declared)\n"
            )
            (found,) = (await mesh.value("bindings", "--to", "auth"))["bindings"]
            assert (found["source"], found["version"], found["hidden"]) == ("declared", 0, None)
            assert (await mesh.meshctl("bindings", "--to", "auth2")).stdout == ""

    run_mesh(tmp_path, test)


def test_a_binding_comes_before_its_service_and_goes(tmp_path):
    """It is marked as unavailable; without a declaration nothing is left after the reset."""

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY):
            props = ("--props", '{"role": "reader"}')
            assert await mesh.done("bind", "gateway", "NEW=later@eu#Admin", *props) == (
                "gateway NEW → later@eu#Admin (set, unavailable)\n"
            )
            (found,) = (await mesh.value("bindings", "--to", "later@eu"))["bindings"]
            assert found["target"] == {
                "service": "later",
                "environment": "eu",
                "entrypoint": "Admin",
                "props": {"role": "reader"},
            }
            assert await mesh.done("bind", "--reset", "gateway", "NEW") == (
                "gateway NEW: there is no such binding any more\n"
            )

    run_mesh(tmp_path, test)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("bind gatway AUTH=auth", "it takes effect when one does; did you mean `gateway`?"),
        ("var set nothing LEVEL=x", "no agent runs worker nothing; it takes effect when one does"),
        ("bindings gatway", "no agent runs worker gatway;"),
    ],
)
def test_a_worker_that_no_agent_runs_is_a_warning(tmp_path, arguments, words):
    """On standard error; it is done all the same."""

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY, AUTH):
            result = await mesh.meshctl(*arguments.split())
            assert result.exit_code == 0
            warning = result.stderr.splitlines()[-1]
            assert warning.startswith("warning: no agent runs worker ")
            assert words in warning

    run_mesh(tmp_path, test)


def test_a_worker_may_be_named_by_its_full_name(tmp_path):
    """As in wrangler: `auth-staging` is `auth@staging`, if that is what runs."""

    async def test(mesh):
        async with mesh.agent("host1", manifest("gateway@staging"), AUTH):
            said = await mesh.done("bind", "gateway-staging", "AUTH=auth")
            assert said == "gateway@staging AUTH → auth (set)\n"
            assert await mesh.done("var", "set", "gateway-staging", "N=x") == (
                'gateway@staging N = "x"\n'
            )
            assert "AUTH" in await mesh.done("bindings", "gateway-staging")
            assert "AUTH" in await mesh.done("unbind", "gateway-staging", "AUTH")

    run_mesh(tmp_path, test)


def test_an_agent_that_does_not_confirm_is_named(tmp_path):
    """The write holds all the same; exit code 1."""

    async def test(mesh):
        async with (
            mesh.agent("host1", GATEWAY),
            mesh.agent("host2", AUTH, manifest("auth2"), confirms=False),
        ):
            result = await mesh.meshctl("bind", "gateway", "AUTH=auth2", "--wait", "0.05")
            assert (result.exit_code, result.stdout) == (
                1,
                "gateway AUTH → auth2 (set, hides auth)\n",
            )
            assert "not confirmed in time by" in result.stderr
            assert "`host2`" in result.stderr

    run_mesh(tmp_path, test)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("unbind gateway NONE", "gateway has no binding NONE; it has AUTH"),
        ("bind --reset gateway AUTH", "nobody set or removed binding AUTH of gateway"),
        ("bind gateway AUTH=auth --if-version 99", "has version 0, not 99"),
        ("bind gateway TOKEN=auth", "TOKEN is a var or secret of gateway"),
        ("var set gateway AUTH=x", "AUTH is a binding of gateway"),
        ("var delete gateway LEVEL", "nobody set var LEVEL of gateway"),
    ],
)
def test_what_the_control_plane_refuses(tmp_path, arguments, words):
    """Its own words, exit code 1, no output."""

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY, AUTH):
            result = await mesh.meshctl(*arguments.split())
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr.startswith("error: ")
            assert words in result.stderr
            assert result.stderr.count("\n") == 1

    run_mesh(tmp_path, test)


def test_a_version_that_is_known_may_be_written(tmp_path):
    """The version of the listing is what --if-version takes; the next write has another."""

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY):
            await mesh.done("bind", "gateway", "AUTH=auth")
            (found,) = (await mesh.value("bindings"))["bindings"]
            write = ("bind", "gateway", "--if-version", str(found["version"]))
            (change,) = (await mesh.value(*write, "AUTH=auth2"))["changes"]
            assert change["binding"]["version"] > found["version"]
            result = await mesh.meshctl(*write, "AUTH=auth3")
            assert result.exit_code == 1
            assert f"not {found['version']}" in result.stderr

    run_mesh(tmp_path, test)


def test_vars_are_set_listed_and_deleted(tmp_path):
    """Text and JSON values; those of configuration files are not listed."""

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY):
            assert await mesh.done("var", "set", "gateway", "LEVEL=debug") == (
                'gateway LEVEL = "debug"\n'
            )
            await mesh.done("var", "set", "gateway", "--json", 'RATE={"a": [1, null]}', "N=5")
            assert await mesh.done("var", "list", "gateway") == (
                "WORKER   NAME   VALUE\n"
                'gateway  LEVEL  "debug"\n'
                "gateway  N      5\n"
                'gateway  RATE   {"a": [1, null]}\n'
            )
            values = (await mesh.value("var", "list"))["vars"]
            assert [each["value"] for each in values] == ["debug", 5, {"a": [1, None]}]
            await mesh.done("var", "delete", "gateway", "LEVEL", "N", "RATE")
            assert (await mesh.value("var", "list")) == {"vars": []}

    run_mesh(tmp_path, test)


FILE = """
[bindings.gateway]
AUTH = { service = "auth2", props = { role = "reader" } }
OLD = false
[bindings.auth2]
BACK = "gateway"
[vars.gateway]
LEVEL = "debug"
"""


def test_apply_makes_what_is_set_equal_to_the_file(tmp_path):
    """A dry run tells it and does nothing; a second run changes nothing; others are untouched."""
    file = tmp_path / "mesh.toml"
    file.write_text(FILE)
    lines = (
        "+ auth2 BACK: gateway (binding)\n"
        '~ gateway AUTH: auth (declared) → auth2 {"role": "reader"} (binding)\n'
    )

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY, AUTH, manifest("shop")):
            await mesh.done("bind", "gateway", "GONE=auth")
            await mesh.done("bind", "shop", "AUTH=auth")
            dry = await mesh.done("apply", "-f", str(file), "--dry-run")
            assert dry.startswith(lines)
            assert "- gateway GONE: auth (binding)\n" in dry
            assert '+ gateway LEVEL: "debug" (var)\n' in dry
            done = await mesh.done("apply", "-f", str(file))
            assert done == dry.replace("; nothing was written", "")
            assert await mesh.done("apply", "-f", str(file)) == "no changes\n"
            found = (await mesh.value("bindings"))["bindings"]
            assert {(each["caller"], each["name"], each["source"]) for each in found} >= {
                ("auth2", "BACK", "set"),
                ("gateway", "AUTH", "set"),
                ("gateway", "OLD", "removed"),
                ("shop", "AUTH", "set"),
            }

    run_mesh(tmp_path, test)


def test_what_is_there(tmp_path):
    """Agents, workers and status, as tables and as values."""

    async def test(mesh):
        async with mesh.agent("host1", GATEWAY, AUTH):
            (agent,) = (await mesh.value("agents"))["agents"]
            assert (agent["agent"], agent["is_connected"], agent["silent_seconds"]) == (
                "host1",
                True,
                None,
            )
            workers = yaml.safe_load(await mesh.done("workers", "--output", "yaml"))["workers"]
            assert [each["worker"] for each in workers] == ["auth", "gateway"]
            assert "auth     host1   no    000000000000  -\n" in await mesh.done("workers")
            status = await mesh.value("status")
            assert (status["agents_connected"], status["workers"], status["bindings"]) == (1, 2, 1)
            assert "agents    1 connected\n" in await mesh.done("status")

    run_mesh(tmp_path, test)


def test_the_admin_api_describes_itself(tmp_path):
    """Tools such as grpcurl need no proto files."""

    async def test(mesh):
        def ask() -> list[str]:
            with grpc.insecure_channel(mesh.address) as channel:
                database = ProtoReflectionDescriptorDatabase(channel)
                assert "mesh.v1.Admin" in database.get_services()
                file = database.FindFileContainingSymbol("mesh.v1.Admin")
                return [method.name for method in file.service[0].method]

        assert "SetBinding" in await asyncio.to_thread(ask)

    run_mesh(tmp_path, test)


@pytest.mark.slow
def test_a_plain_grpc_script(tmp_path):
    """The example runs, and prints what the documentation shows."""

    async def test(mesh):
        gateway = manifest("gateway", AUTH="auth", APPLICATION="application", OLD="auth")
        async with mesh.agent("host1", gateway, manifest("auth2")):
            await mesh.done("bind", "gateway", "AUTH=auth2")
            await mesh.done("unbind", "gateway", "OLD")
            process = await asyncio.create_subprocess_exec(
                sys.executable, EXAMPLE, mesh.address, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
            assert process.returncode == 0
            assert f"\n$ python {EXAMPLE.relative_to(ROOT)} " in API
            assert f"control.sock\n{output.decode()}```\n" in API

    run_mesh(tmp_path, test)


def test_the_documentation_has_every_call():
    """A new rpc is described, and none that is gone."""
    methods = admin_pb2.DESCRIPTOR.services_by_name["Admin"].methods
    table = API[API.index("## Calls") : API.index("### Statuses")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [each.name for each in methods]
