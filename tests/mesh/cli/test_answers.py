"""What `meshctl` sends, and what it prints of the answers."""

from __future__ import annotations

import json

import grpc
import pytest
import yaml
from click.testing import CliRunner

from mesh.cli.main import main
from mesh.v1 import admin_pb2, control_pb2

POSITION = control_pb2.Position(epoch="e", revision=7)


def binding(name="AUTH", service="auth", source=control_pb2.SET, hidden=None, **more):
    own = control_pb2.Binding(
        caller="gateway",
        name=name,
        target=control_pb2.Target(service=service, props_json=b'{"role": "admin"}'),
        worker=service,
        source=source,
    )
    return admin_pb2.BindingStatus(
        binding=own,
        hidden=hidden and control_pb2.Target(service=hidden),
        **{"is_available": True, "version": 3, **more},
    )


def change(*arguments, not_confirmed=(), **more):
    return admin_pb2.BindingChange(
        binding=binding(*arguments, **more), position=POSITION, not_confirmed=not_confirmed
    )


BINDING_JSON = {
    "caller": "gateway",
    "name": "AUTH",
    "source": "set",
    "target": {
        "service": "auth",
        "environment": None,
        "entrypoint": None,
        "props": {"role": "admin"},
    },
    "worker": "auth",
    "is_available": True,
    "hidden": {"service": "old", "environment": None, "entrypoint": None, "props": {}},
    "version": 3,
}


def test_bind_sends_what_was_written(script):
    """Target, props, version and waiting time arrive as they were given."""
    script.answers["SetBinding"] = change()
    result = script.meshctl(
        *("bind", "gateway@staging", "AUTH=auth@eu#Admin", "--props", '{"a": [1]}'),
        *("--if-version", "4", "--wait", "0.5"),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    (request,) = script.requests
    assert request == admin_pb2.SetBindingRequest(
        caller="gateway@staging",
        name="AUTH",
        target=control_pb2.Target(
            service="auth", environment="eu", entrypoint="Admin", props_json=b'{"a": [1]}'
        ),
        options=admin_pb2.WriteOptions(if_version=4, wait_seconds=0.5),
    )


def test_no_wait_is_not_the_default_wait(script):
    """In the protocol 0 stands for the server's own time, so something else is sent for it."""
    script.answers["SetBinding"] = change()
    script.meshctl("bind", "gateway", "AUTH=auth", "--wait", "0")
    assert 0 < script.requests[0].options.wait_seconds < 0.01


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (change("Auth", "auth2"), "gateway Auth → auth2 (set)"),
        (change("A", "auth", hidden="old"), "gateway A → auth (set, hides old)"),
        (change("A", "auth", is_available=False), "gateway A → auth (set, unavailable)"),
        (change("A", source=control_pb2.DECLARED), "gateway A → auth (declared)"),
        (change("A", source=control_pb2.REMOVED), "gateway A (removed)"),
        (change("A", source=control_pb2.REMOVED, hidden="x"), "gateway A (removed, hides x)"),
        (admin_pb2.BindingChange(), "gateway A: there is no such binding any more"),
    ],
)
def test_a_change_prints_what_holds_now(script, answer, line):
    """As the server answers it: the name may be written in another case there."""
    script.answers["ResetBinding"] = answer
    result = script.meshctl("bind", "--reset", "gateway", "A")
    assert (result.exit_code, result.stdout) == (0, f"{line}\n")


def test_agents_that_have_not_confirmed_are_named(script):
    """The change is made and shown; the warning and exit code 1 say who does not have it yet."""
    script.answers["RemoveBinding"] = [change("A", not_confirmed=["b", "a"]), change("B")]
    result = script.meshctl("unbind", "gateway", "A", "B")
    assert result.exit_code == 1
    assert result.stdout.count("\n") == 2
    assert result.stderr.startswith("warning: done, but not confirmed in time by `a`, `b`;")
    assert result.stderr.count("\n") == 1


def test_what_was_done_before_a_failure_is_shown(script):
    """Several bindings are no transaction, so the output says which ones hold."""
    refusal = (grpc.StatusCode.FAILED_PRECONDITION, "`B` is a var")
    script.answers["SetBinding"] = [change(not_confirmed=["host2"]), refusal]
    result = script.meshctl("bind", "gateway", "AUTH=auth", "B=b", "C=c")
    assert result.exit_code == 1
    assert result.stdout == "gateway AUTH → auth (set)\n"
    warning, error = result.stderr.splitlines()
    assert "not confirmed in time by `host2`" in warning
    assert error == "error: `B` is a var"
    assert len(script.requests) == 2


def test_an_output_that_cannot_encode_is_no_failure(script):
    """The change is made by then; the arrow is written in another way."""
    script.answers["SetBinding"] = change()
    arguments = ["bind", "gateway", "AUTH=auth", "--control", script.address]
    result = CliRunner(charset="iso-8859-1").invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (0, "gateway AUTH \\u2192 auth (set)\n")


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_change_for_programs(script, output, load):
    """The binding, the position and who has not confirmed; exit code as always."""
    script.answers["SetBinding"] = change(hidden="old", not_confirmed=["b"])
    result = script.meshctl("bind", "gateway", "AUTH=auth", "--output", output)
    assert result.exit_code == 1
    assert load(result.stdout) == {
        "changes": [
            {
                "caller": "gateway",
                "name": "AUTH",
                "binding": BINDING_JSON,
                "position": {"epoch": "e", "revision": 7},
                "not_confirmed": ["b"],
            }
        ]
    }


def test_bindings_table(script):
    """The source is always there; a removed binding and an absent target are marked."""
    script.answers["ListBindings"] = admin_pb2.ListBindingsResponse(
        bindings=[
            binding(hidden="old"),
            binding("GONE", source=control_pb2.REMOVED, hidden="gone"),
            binding("LATER", "later", control_pb2.DECLARED, is_available=False),
        ]
    )
    result = script.meshctl("bindings", "gateway", "--to", "auth")
    assert result.stdout == (
        "CALLER   BINDING  TARGET  SOURCE    STATE        HIDES\n"
        "gateway  AUTH     auth    set       available    old\n"
        "gateway  GONE     -       removed   -            gone\n"
        "gateway  LATER    later   declared  unavailable  -\n"
    )
    assert script.requests == [admin_pb2.ListBindingsRequest(caller="gateway", to="auth")]


AGENT = admin_pb2.AgentStatus(
    agent="host2",
    silent_seconds=12.4,
    revision=6,
    workers=["auth", "application"],
    endpoints=[control_pb2.Endpoint(id="i", cell="default/0", address="10.0.0.2:9500")],
    software="0.1.0",
)
WORKER = admin_pb2.WorkerStatus(
    worker="auth", agents=["host2"], digests=["0123456789abcdef", "f" * 64], routes=["a.com/*"]
)
STATUS = admin_pb2.MeshStatus(
    mesh="m1",
    position=POSITION,
    software="0.1.0",
    agents_connected=1,
    agents_lost=2,
    workers=3,
    bindings=4,
    warnings=["agent `x` is lost"],
)
LISTINGS = [
    (
        "bindings",
        "ListBindings",
        admin_pb2.ListBindingsResponse(bindings=[binding(hidden="old")]),
        {"bindings": [BINDING_JSON]},
        "gateway  AUTH     auth    set     available  old\n",
    ),
    (
        "agents",
        "ListAgents",
        admin_pb2.ListAgentsResponse(agents=[AGENT]),
        {
            "agents": [
                {
                    "agent": "host2",
                    "is_connected": False,
                    "silent_seconds": 12.4,
                    "has_left": False,
                    "revision": 6,
                    "workers": ["auth", "application"],
                    "endpoints": [
                        {
                            "id": "i",
                            "cell": "default/0",
                            "address": "10.0.0.2:9500",
                            "workers": [],
                            "is_stale": False,
                        }
                    ],
                    "software": "0.1.0",
                }
            ]
        },
        "host2  lost 12 s ago  6         auth, application  10.0.0.2:9500  0.1.0\n",
    ),
    (
        "workers",
        "ListWorkers",
        admin_pb2.ListWorkersResponse(workers=[WORKER]),
        {
            "workers": [
                {
                    "worker": "auth",
                    "agents": ["host2"],
                    "digests": ["0123456789abcdef", "f" * 64],
                    "is_edge": False,
                    "routes": ["a.com/*"],
                }
            ]
        },
        "auth    host2   no    0123456789ab, ffffffffffff  a.com/*\n",
    ),
    (
        "status",
        "GetStatus",
        STATUS,
        {
            "mesh": "m1",
            "position": {"epoch": "e", "revision": 7},
            "software": "0.1.0",
            "agents_connected": 1,
            "agents_lost": 2,
            "workers": 3,
            "bindings": 4,
            "warnings": ["agent `x` is lost"],
        },
        (
            "mesh      m1\nagents    1 connected, 2 lost\nworkers   3\nbindings  4\nrevision  7\n"
            "software  0.1.0\nwarning: agent `x` is lost\n"
        ),
    ),
    (
        "var list",
        "ListVars",
        admin_pb2.ListVarsResponse(
            vars=[admin_pb2.VarStatus(worker="a", name="N", value_json=b'"\\u001b[1m"', version=2)]
        ),
        {"vars": [{"worker": "a", "name": "N", "value": "\x1b[1m", "version": 2}]},
        'a       N     "\\u001b[1m"\n',
    ),
]


@pytest.mark.parametrize(
    ("command", "rpc", "answer", "result", "text"), LISTINGS, ids=[row[0] for row in LISTINGS]
)
def test_a_listing_in_all_formats(script, command, rpc, answer, result, text):
    """JSON and YAML hold everything as values; the table is short."""
    script.answers[rpc] = answer
    outputs = {
        output: script.meshctl(*command.split(), "--output", output)
        for output in ("table", "json", "yaml")
    }
    assert all(each.exit_code == 0 and not each.stderr for each in outputs.values())
    assert json.loads(outputs["json"].stdout) == result
    assert yaml.safe_load(outputs["yaml"].stdout) == result
    assert outputs["table"].stdout.endswith(text)


@pytest.mark.parametrize(
    ("command", "rpc", "answer", "words"),
    [
        ("bindings", "ListBindings", admin_pb2.ListBindingsResponse(), "no bindings\n"),
        ("agents", "ListAgents", admin_pb2.ListAgentsResponse(), "no agents\n"),
        ("workers", "ListWorkers", admin_pb2.ListWorkersResponse(), "no workers\n"),
        ("var list", "ListVars", admin_pb2.ListVarsResponse(), "no vars are set\n"),
    ],
)
def test_an_empty_listing_says_so_beside_the_output(script, command, rpc, answer, words):
    """Nothing goes to the output that a script would have to skip."""
    script.answers[rpc] = answer
    result = script.meshctl(*command.split())
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", words)


def test_a_value_that_is_no_json_is_an_error(script):
    """A control plane that breaks its promise is no traceback."""
    status = admin_pb2.VarStatus(worker="a", name="N", value_json=b"{")
    script.answers["ListVars"] = admin_pb2.ListVarsResponse(vars=[status])
    result = script.meshctl("var", "list")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: the control plane sent a value that is no JSON")


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("LEVEL=debug",), b'"debug"'),
        (("LEVEL=",), b'""'),
        (("LEVEL=a=b",), b'"a=b"'),
        (("LEVEL=5",), b'"5"'),
        (("--json", "LEVEL=5"), b"5"),
        (("--json", 'LEVEL={"a": [null, "ü"]}'), '{"a": [null, "ü"]}'.encode()),
    ],
)
def test_var_set_sends_json(script, arguments, value):
    """A value is text, unless --json says that it is JSON."""
    script.answers["SetVar"] = admin_pb2.VarChange(
        var=admin_pb2.VarStatus(worker="auth", name="LEVEL", value_json=value, version=1)
    )
    result = script.meshctl("var", "set", "auth", *arguments)
    assert result.exit_code == 0
    assert result.stdout == f"auth LEVEL = {json.dumps(json.loads(value), ensure_ascii=False)}\n"
    (request,) = script.requests
    assert (request.worker, request.name, request.value_json) == ("auth", "LEVEL", value)


def test_var_delete(script):
    """It says what holds now."""
    script.answers["DeleteVar"] = admin_pb2.VarChange(position=POSITION)
    result = script.meshctl("var", "delete", "auth", "LEVEL", "--if-version", "2")
    assert result.stdout == (
        "auth LEVEL: no longer set; the configured value holds, if there is one\n"
    )
    assert script.requests[0].options.if_version == 2
