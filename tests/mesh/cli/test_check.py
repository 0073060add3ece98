"""`meshctl check`."""

from __future__ import annotations

import json

import pytest
import yaml
from click.testing import CliRunner

from mesh.cli.main import main

GATEWAY = """
name = "gateway"
main = "entry.py"
routes = ["example.com/*"]
kv_namespaces = []
services = [
    { binding = "AUTH", service = "auth-staging", entrypoint = "Admin" },
    { binding = "LATER", service = "later" },
    { binding = "FAR", service = "far" },
]
"""
FILES = {
    "gateway/wrangler.toml": GATEWAY,
    "gateway/entry.py": "",
    "auth/wrangler.toml": 'name = "auth"\nmain = "entry.py"\n[env.staging]\n',
    "auth/entry.py": "",
    "far.py": "",
    "mesh.toml": "groups.other.workers = ['far']\n",
}


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Runs `meshctl check` in a directory with a small mesh."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("MESH_ENV", "MESH_EDGE_LISTEN", "MESH_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: CliRunner().invoke(main, ["check", *arguments])


WORKERS = ("gateway", "auth@staging", "far.py")


def test_table_shows_workers_and_bindings(check, tmp_path):
    """The tables show each worker with its place, and each binding with what it leads to."""
    result = check(*WORKERS)
    assert result.exit_code == 0
    assert result.stdout.replace(str(tmp_path), "/mesh") == (
        "ID            GROUP    EDGE  MAIN\n"
        "gateway       default  yes   /mesh/gateway/entry.py\n"
        "auth@staging  default  no    /mesh/auth/entry.py\n"
        "far           other    no    /mesh/far.py\n"
        "\n"
        "CALLER   BINDING  TARGET        ENTRYPOINT  STATE\n"
        "gateway  AUTH     auth@staging  Admin       connected\n"
        "gateway  LATER    later         -           not here\n"
        "gateway  FAR      far           -           other group\n"
    )


def test_warnings_go_to_standard_error(check):
    """Warnings do not disturb the output, and are no failure."""
    lines = check(*WORKERS).stderr.splitlines()
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == ["warning"] * 2
    assert "kv_namespaces" in lines[0]


def test_json_is_for_programs(check, tmp_path):
    """The same as JSON, with booleans and nulls of its own."""
    result = json.loads(check(*WORKERS, "--output", "json").stdout)
    assert result["workers"][0] == {
        "id": "gateway",
        "group": "default",
        "edge": True,
        "main": str(tmp_path / "gateway" / "entry.py"),
    }
    assert result["bindings"][1] == {
        "caller": "gateway",
        "binding": "LATER",
        "target": "later",
        "entrypoint": None,
        "state": "not here",
    }


def test_yaml_says_the_same(check):
    """As every command that prints a result."""
    outputs = [check(*WORKERS, "--output", output).stdout for output in ("yaml", "json")]
    assert yaml.safe_load(outputs[0]) == json.loads(outputs[1])


def test_errors_are_listed_and_counted(check, tmp_path):
    """Each problem is printed with its fix, then their number; exit code 2."""
    (tmp_path / "gateway" / "wrangler.toml").write_text('name = "gateway"\nmaim = "entry.py"')
    result = check()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "error: gateway/wrangler.toml: maim: unknown key `maim`; did you mean `main`?\n"
        "error: gateway/wrangler.toml: main: key `main` is missing\n"
        '    fix: such as main = "src/entry.py"\n'
        "2 problems\n"
    )


def test_one_error_is_counted_as_one(check):
    """The closing line is a sentence for one problem too."""
    result = check("none")
    assert result.exit_code == 2
    assert result.stderr.endswith("\n1 problem\n")


def test_env_and_config_are_passed_on(check, tmp_path):
    """--env and --config do what they do for an agent."""
    (tmp_path / "other.toml").write_text("groups.mine.workers = ['auth']")
    result = check("auth", "--env", "staging", "--config", "other.toml", "--output", "json")
    (worker,) = json.loads(result.stdout)["workers"]
    assert (worker["id"], worker["group"]) == ("auth@staging", "mine")


def test_variables_of_the_process_count(check, monkeypatch):
    """The command line is where the process's environment is read."""
    monkeypatch.setenv("MESH_EDGE_LISTEN", "nowhere")
    assert "MESH_EDGE_LISTEN: `nowhere` is not HOST:PORT" in check("auth").stderr


def test_version():
    """`meshctl --version` names the program."""
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("meshctl, version ")
