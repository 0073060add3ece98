"""`meshctl apply`: what it reads, sends and prints."""

from __future__ import annotations

import json

import pytest
import yaml

from mesh.v1 import admin_pb2, control_pb2

FILE = """
[bindings.gateway]
AUTH = "auth@staging#Admin"
APPLICATION = { service = "application", props = { role = "reader" } }
OLD = false

[bindings."auth@staging"]
BACK = "gateway"

[vars.shop]
LIMITS = { rate = 5 }
"""


@pytest.fixture
def apply(script, tmp_path, monkeypatch):
    """Runs `meshctl apply -f mesh.toml` with a file."""
    monkeypatch.chdir(tmp_path)
    script.answers["Apply"] = admin_pb2.ApplyResponse()

    def run(text, *arguments):
        (tmp_path / "mesh.toml").write_text(text)
        return script.meshctl("apply", "-f", "mesh.toml", *arguments)

    return run


def test_all_that_the_file_sets_is_one_request(script, apply):
    """Every worker that the file names is there with everything, cycles included."""
    result = apply(FILE, "--wait", "2")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "no changes\n", "")
    target, declared = control_pb2.Target, control_pb2.DeclaredBinding
    worker = admin_pb2.WorkerSettings
    assert script.requests == [
        admin_pb2.ApplyRequest(
            workers=[
                worker(
                    worker="gateway",
                    bindings=[
                        declared(
                            name="AUTH",
                            target=target(
                                service="auth", environment="staging", entrypoint="Admin"
                            ),
                        ),
                        declared(
                            name="APPLICATION",
                            target=target(service="application", props_json=b'{"role": "reader"}'),
                        ),
                    ],
                    removed_bindings=["OLD"],
                    vars_json=b"{}",
                ),
                worker(
                    worker="auth@staging",
                    bindings=[declared(name="BACK", target=target(service="gateway"))],
                    vars_json=b"{}",
                ),
                worker(worker="shop", vars_json=b'{"LIMITS": {"rate": 5}}'),
            ],
            options=admin_pb2.WriteOptions(wait_seconds=2),
        )
    ]


CHANGES = [
    admin_pb2.Change(worker="gateway", kind="binding", name="AUTH", before="auth", after="auth2"),
    admin_pb2.Change(worker="gateway", kind="binding", name="NEW", after="new"),
    admin_pb2.Change(worker="shop", kind="var", name="OLD", before='"x"'),
]
LINES = (
    '~ gateway AUTH: auth → auth2 (binding)\n+ gateway NEW: new (binding)\n- shop OLD: "x" (var)\n'
)


def test_a_dry_run_prints_the_difference(script, apply):
    """It is asked of the control plane, which knows; differences are no failure."""
    script.answers["Apply"] = admin_pb2.ApplyResponse(changes=CHANGES)
    result = apply(FILE, "--dry-run")
    assert script.requests[0].dry_run
    assert result.exit_code == 0
    assert result.stdout == f"{LINES}3 changes; nothing was written\n"


def test_what_was_changed_is_printed_with_who_has_not_confirmed(script, apply):
    """As for every other write."""
    script.answers["Apply"] = admin_pb2.ApplyResponse(changes=CHANGES, not_confirmed=["host2"])
    result = apply(FILE)
    assert result.exit_code == 1
    assert result.stdout == f"{LINES}3 changes\n"
    assert "not confirmed in time by `host2`" in result.stderr


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_changes_for_programs(script, apply, output, load):
    """What was not there before is null."""
    script.answers["Apply"] = admin_pb2.ApplyResponse(
        changes=CHANGES[:2], position=control_pb2.Position(epoch="e", revision=9)
    )
    change = {"worker": "gateway", "kind": "binding"}
    assert load(apply(FILE, "--output", output).stdout) == {
        "dry_run": False,
        "changes": [
            {**change, "name": "AUTH", "before": "auth", "after": "auth2"},
            {**change, "name": "NEW", "before": None, "after": "new"},
        ],
        "position": {"epoch": "e", "revision": 9},
        "not_confirmed": [],
    }


def test_a_file_that_sets_nothing(script, apply):
    """The error says what apply reads."""
    result = apply("limits.invocations = 5")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: mesh.toml: sets nothing for any worker, so there is nothing to apply\n"
        '    fix: add a table [bindings.WORKER] with such as AUTH = "auth", or a table '
        "[vars.WORKER]\n"
        "1 problem\n"
    )
    assert script.requests == []


def test_every_problem_of_the_file_at_once(script, apply):
    """Each with file, key and fix; nothing is sent."""
    result = apply("bindings.gateway = { AUTH = 'Auth', B = 1 }")
    assert result.exit_code == 2
    assert "error: mesh.toml: bindings.gateway.AUTH: `Auth` is not a worker name" in result.stderr
    assert "error: mesh.toml: bindings.gateway.B: is not the target of" in result.stderr
    assert result.stderr.endswith("\n2 problems\n")
    assert script.requests == []


def test_no_such_file(script):
    """It is named as it was written."""
    result = script.meshctl("apply", "-f", "/none/mesh.toml")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: /none/mesh.toml: cannot be read: No such file or directory\n"
        "    fix: check the path and its rights\n"
        "1 problem\n"
    )
