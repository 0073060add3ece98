"""What a mesh.toml sets for workers: `[bindings.WORKER]` and `[vars.WORKER]`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mesh.config import ServiceConfig, WorkerId
from mesh.config.mesh_file import read_mesh_file
from mesh.config.problems import Problems
from mesh.config.settings import WorkerSettings
from mesh.errors import ConfigError

FULL = """
[bindings.gateway]
AUTH = "auth"
STAGING = "auth@staging#Admin"
TABLE = { service = "auth", environment = "staging", entrypoint = "Admin", props = { a = [1] } }
OLD = false

[bindings."auth@staging"]

[vars.gateway]
LEVEL = "debug"
NESTED = { list = [1, 2.5, true, { x = "ü" }] }

[vars.shop]
NAME = ""
"""


def read(files, text):
    """The settings of a mesh.toml. Raises: ConfigError."""
    problems = Problems(files.root)
    settings = read_mesh_file(files.write("mesh.toml", text), problems).settings
    problems.raise_errors()
    return settings


def test_every_form_of_a_setting(files):
    """A worker of either table is there once, also with an empty table."""
    assert read(files, FULL) == (
        WorkerSettings(
            worker=WorkerId("gateway"),
            bindings=(
                ServiceConfig(binding="AUTH", service="auth"),
                ServiceConfig(
                    binding="STAGING", service="auth", environment="staging", entrypoint="Admin"
                ),
                ServiceConfig(
                    binding="TABLE",
                    service="auth",
                    environment="staging",
                    entrypoint="Admin",
                    props={"a": [1]},
                ),
            ),
            removed=("OLD",),
            vars={"LEVEL": "debug", "NESTED": {"list": [1, 2.5, True, {"x": "ü"}]}},
        ),
        WorkerSettings(worker=WorkerId("auth", "staging")),
        WorkerSettings(worker=WorkerId("shop"), vars={"NAME": ""}),
    )


@pytest.mark.parametrize("text", ["", "[bindings]", "vars = {}", "limits.invocations = 5"])
def test_a_file_without_settings(files, text):
    """Nothing is set for nobody."""
    assert read(files, text) == ()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("bindings = 1", "bindings: expected a table, found an integer"),
        ("vars = []", "vars: expected a table, found an array"),
        ("bindings.a = 'b'", "bindings.a: expected a table, found a string"),
        ("vars.a = 1", "vars.a: expected a table, found an integer"),
        ("bindings.A.B = 'c'", "bindings.A: `A` is not a worker name: lower-case letters"),
        ("bindings.'a@'.B = 'c'", 'bindings."a@": `` is not an environment name'),
        ("vars.A.B = 'c'", "vars.A: `A` is not a worker name"),
        ("bindings.a.B-C = 'c'", "bindings.a.B-C: `B-C` is not a Python identifier"),
        ("bindings.a.B-C = false", "bindings.a.B-C: `B-C` is not a Python identifier"),
        ("bindings.a.class = {service = 'c'}", "bindings.a.class: `class` is not a Python"),
        ("bindings.a.B = true", "bindings.a.B: is not the target of a binding"),
        ("bindings.a.B = 1", "bindings.a.B: is not the target of a binding"),
        ("bindings.a.B = ['c']", "bindings.a.B: is not the target of a binding"),
        ("bindings.a.B = ''", "bindings.a.B: `` names no service; write SERVICE[@ENV"),
        ("bindings.a.B = 'C'", "bindings.a.B: `C` is not a worker name"),
        ("bindings.a.B = 'c@d@e'", "bindings.a.B: `d@e` is not an environment name"),
        ("bindings.a.B = {}", "bindings.a.B.service: key `service` is missing"),
        ("bindings.a.B = {service = 'C'}", "bindings.a.B.service: `C` is not a worker name"),
        (
            "bindings.a.B = {service = 'c', environment = 'a b'}",
            "bindings.a.B.environment: `a b` is not an environment name",
        ),
        (
            "bindings.a.B = {service = 'c', entrypoint = 'x y'}",
            "bindings.a.B.entrypoint: `x y` is not the name of a Python class",
        ),
        (
            "bindings.a.B = {service = 'c', prop = {}}",
            "bindings.a.B.prop: unknown key `prop`; did you mean `props`?",
        ),
        (
            "bindings.a.B = {service = 'c', props = {d = 2026-01-31}}",
            "bindings.a.B.props.d: expected a JSON value, found a date",
        ),
        ("vars.a.B = 2026-01-31", "vars.a.B: expected a JSON value, found a date"),
        ("vars.a.B = [inf]", "vars.a.B[0]: expected a JSON value, found a number that is not"),
        ("vars.a.'' = 1", "vars.a: `` is not a Python identifier"),
        ("bindings.a.B = 'c'\nvars.a.B = 1", "vars.a.B: `a` has a binding `B` in this file too"),
        ("bindings.a.B = false\nvars.a.B = 1", "vars.a.B: `a` has a binding `B` in this file"),
    ],
)
def test_a_wrong_setting_is_one_error(files, text, error):
    """With file, key and fix."""
    with pytest.raises(ConfigError) as caught:
        read(files, text)
    (problem,) = caught.value.problems
    assert f"{problem.where}: {problem.reason}".startswith(f"mesh.toml: {error}")
    assert problem.fix or "did you mean" in problem.reason


def test_all_problems_come_at_once(files):
    """Those of the file's other tables too."""
    with pytest.raises(ConfigError) as caught:
        read(files, "bindings.a = {B = 1, C = 'D'}\nvars.A = {}\nlimits.invocations = 0")
    assert len(caught.value.problems) == 4


def test_an_agent_accepts_the_tables(files):
    """They change nothing where it starts, and its own check finds what is wrong in them."""
    files.worker("gateway")
    files.worker("auth")
    plain = files.load("gateway", "auth").config
    files.write("mesh.toml", FULL)
    assert files.load("gateway", "auth").config == plain
    files.write("mesh.toml", "bindings.gateway.AUTH = 'Auth'")
    assert files.error("gateway").startswith("mesh.toml: bindings.gateway.AUTH: `Auth` is not")


def test_the_example_of_the_documentation(files):
    """It says what it means to say."""
    text = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    (example,) = re.findall(r"```toml\n(\[bindings\.gateway\]\n.*?)```", text, re.DOTALL)
    gateway, auth = read(files, example)
    assert [service.binding for service in gateway.bindings] == ["AUTH", "APPLICATION"]
    assert (gateway.removed, gateway.vars) == (("OLD",), {"LEVEL": "debug"})
    assert str(auth.worker) == "auth@staging"
