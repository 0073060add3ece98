"""mesh.toml, the variables and the flags over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.config import EdgeConfig, GroupConfig, LimitsConfig, WorkerId

FULL = """
state_dir = "state"

[edge]
listen = "0.0.0.0:80"
workers = ["a"]

[groups.web]
workers = ["a", "b"]

[limits]
body_bytes = 1000
invocations = 8
drain_seconds = 5
wait_until_seconds = 0.5
"""


def test_defaults_of_a_mesh(files):
    """Without mesh.toml: one group, a loopback listener, Cloudflare's limits."""
    files.worker("a")
    config = files.load("a").config
    assert config.groups == (GroupConfig(name="default", workers=(WorkerId("a"),)),)
    assert config.edge == EdgeConfig(host="127.0.0.1", port=8787, workers=())
    assert config.limits == LimitsConfig(
        body_bytes=104857600, invocations=32, drain_seconds=30.0, wait_until_seconds=30.0
    )
    assert config.state_dir == Path("/home/someone/.local/state/workermesh")


def test_every_key_of_mesh_toml(files):
    """Each key arrives; paths are relative to the file, seconds are floats."""
    for name in ("a", "b", "c"):
        files.worker(name, directory=f"mesh/{name}")
    files.write("mesh/mesh.toml", FULL)
    config = files.load("mesh").config
    a, b, c = (WorkerId(name) for name in "abc")
    assert config.edge == EdgeConfig(host="0.0.0.0", port=80, workers=(a,))
    assert config.groups == (
        GroupConfig(name="web", workers=(a, b)),
        GroupConfig(name="default", workers=(c,)),
    )
    assert config.limits == LimitsConfig(
        body_bytes=1000, invocations=8, drain_seconds=5.0, wait_until_seconds=0.5
    )
    assert isinstance(config.limits.drain_seconds, float)
    assert config.state_dir == files.root / "mesh" / "state"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("worker = ['a']", "worker: unknown key `worker`; did you mean `workers`?"),
        ("workers = 'a'", "workers: expected an array, found a string"),
        ("edge.lisen = 'h:1'", "edge.lisen: unknown key `lisen`; did you mean `listen`?"),
        ("edge.listen = 8787", "edge.listen: expected a string that is not empty, found an int"),
        ("edge.listen = 'localhost'", "edge.listen: `localhost` is not HOST:PORT"),
        ("edge = []", "edge: expected a table, found an array"),
        ("groups = ['a']", "groups: expected a table, found an array"),
        ("groups.a = ['a']", "groups.a: expected a table, found an array"),
        ("groups.a = {}", "groups.a.workers: key `workers` is missing"),
        ("groups.a = {workers = ['a'], x = 1}", "groups.a.x: unknown key `x`"),
        ("groups.'A b' = {workers = ['a']}", 'groups."A b": not a group name'),
        ("limits.invocations = 0", "limits.invocations: expected an integer above 0"),
        ("limits.invocations = -1", "found a number that is not above 0"),
        ("limits.invocations = true", "found a boolean"),
        ("limits.invocations = 1.5", "limits.invocations: expected an integer above 0"),
        (f"limits.body_bytes = {'9' * 400}", "limits.body_bytes: expected an integer above 0"),
        ("limits.drain_seconds = 0", "limits.drain_seconds: expected a number of seconds above 0"),
        ("limits.drain_seconds = inf", "found a number that is not finite"),
        ("limits.drain_seconds = nan", "found a number that is not finite"),
        (f"limits.drain_seconds = {'9' * 400}", "limits.drain_seconds: expected a number"),
        ("limits.drain_seconds = '5'", "found a string"),
        ("limits.drain = 5", "limits.drain: unknown key `drain`"),
        ("state_dir = ''", "state_dir: expected a string that is not empty, found an empty str"),
    ],
)
def test_wrong_mesh_toml_is_an_error(files, text, error):
    """Types, ranges and keys of mesh.toml are checked like those of a wrangler file."""
    files.worker("a")
    files.write("mesh.toml", text)
    message = files.error("a")
    assert message.startswith("mesh.toml: ")
    assert error in message


@pytest.mark.parametrize(
    ("text", "environ", "flag", "address"),
    [
        ("", {}, None, ("127.0.0.1", 8787)),
        ("edge.listen = 'file:1'", {}, None, ("file", 1)),
        ("edge.listen = 'file:1'", {"MESH_EDGE_LISTEN": "variable:2"}, None, ("variable", 2)),
        ("edge.listen = 'file:1'", {"MESH_EDGE_LISTEN": ""}, None, ("file", 1)),
        ("edge.listen = 'file:1'", {"MESH_EDGE_LISTEN": "variable:2"}, "[::1]:0", ("::1", 0)),
    ],
)
def test_order_of_the_listener(files, text, environ, flag, address):
    """Defaults < mesh.toml < variables < flags."""
    files.worker("a")
    files.write("mesh.toml", text)
    edge = files.load("a", environ={"HOME": "/", **environ}, edge_listen=flag).config.edge
    assert (edge.host, edge.port) == address


@pytest.mark.parametrize(
    ("text", "environ", "flag", "state_dir"),
    [
        ("", {}, None, "/home/me/.local/state/workermesh"),
        ("", {"XDG_STATE_HOME": "/xdg"}, None, "/xdg/workermesh"),
        ("", {"XDG_STATE_HOME": "xdg"}, None, "/home/me/.local/state/workermesh"),
        ("state_dir = '/file'", {"XDG_STATE_HOME": "/xdg"}, None, "/file"),
        ("state_dir = '/file'", {"MESH_STATE_DIR": "/variable"}, None, "/variable"),
        ("state_dir = '/file'", {"MESH_STATE_DIR": "/variable"}, "/flag", "/flag"),
    ],
)
def test_order_of_the_state_directory(files, text, environ, flag, state_dir):
    """User's state directory < mesh.toml < variables < flags; a relative XDG path is ignored."""
    files.worker("a")
    files.write("mesh.toml", text)
    overrides = {"state_dir": flag and Path(flag)}
    config = files.load("a", environ={"HOME": "/home/me", **environ}, **overrides).config
    assert config.state_dir == Path(state_dir)


def test_relative_state_directory_is_seen_from_the_current_one(files):
    """Variables and flags are relative to where the command was started."""
    files.worker("a")
    config = files.load("a", environ={"MESH_STATE_DIR": "x/../state"}).config
    assert config.state_dir == files.root / "state"


def test_no_place_for_state_is_an_error(files):
    """Without HOME and XDG_STATE_HOME the user has to say where state goes."""
    files.worker("a")
    error = files.error("a", environ={})
    assert error.startswith("MESH_STATE_DIR: there is no place for state")


def test_order_of_the_environment(files):
    """MESH_ENV holds for arguments that name none, and a flag wins over it."""
    files.worker("a", "[env.staging]\n[env.dev]")
    environ = {"HOME": "/", "MESH_ENV": "staging"}
    assert files.names("a", environ=environ) == ["a@staging"]
    assert files.names("a@dev", environ=environ) == ["a@dev"]
    assert files.names("a", environ=environ, env="dev") == ["a@dev"]


def test_wrong_address_is_an_error_that_names_its_source(files):
    """Each address that is given is checked, also one that another would override."""
    files.worker("a")
    environ = {"HOME": "/", "MESH_EDGE_LISTEN": "x"}
    assert files.errors("a", environ=environ, edge_listen="h:70000") == [
        "MESH_EDGE_LISTEN: `x` is not HOST:PORT",
        "--edge-listen: port 70000 is above 65535",
    ]


def test_config_chooses_the_file(files):
    """The file that --config names replaces the one that would be found; it may be relative."""
    files.worker("a")
    files.write("mesh.toml", "limits.invocations = 5")
    files.write("deploy/other.toml", "limits.invocations = 6")
    loaded = files.load("a", config=Path("deploy/other.toml"))
    assert loaded.config.limits.invocations == 6


def test_config_brings_its_workers(files):
    """In a directory that holds no worker, the list of --config says what to run."""
    files.worker("a", directory="elsewhere/a")
    files.write("deploy/mesh.toml", 'workers = ["../elsewhere/a"]')
    assert files.names(config=files.root / "deploy" / "mesh.toml") == ["a"]
