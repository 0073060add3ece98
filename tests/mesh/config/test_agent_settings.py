"""This host's place in the mesh."""

from __future__ import annotations

import pytest

from mesh.config import AgentConfig, AgentSettings, PeerConfig, load_mesh
from mesh.config.overrides import Overrides

AGENT = """
[agent]
name = "file"
control = "file:1"
peer_listen = "10.0.0.1:9500-9509"
insecure = true
"""


def test_defaults(files):
    """Without a word, an agent is named after its host, alone and not reachable."""
    files.worker("a")
    loaded = load_mesh(
        [], environ={"HOME": "/"}, cwd=files.root, overrides=Overrides(), hostname="h"
    )
    assert loaded.config.agent == AgentConfig(name="h")


def test_mesh_toml(files):
    """`[agent]` says everything; the address to listen on is the one to dial."""
    files.worker("a")
    files.write("mesh.toml", AGENT)
    assert files.load("a").config.agent == AgentConfig(
        name="file",
        control="file:1",
        peers=PeerConfig(host="10.0.0.1", first_port=9500, last_port=9509, advertise="10.0.0.1"),
        insecure=True,
    )


@pytest.mark.parametrize(
    ("environ", "flag", "name"),
    [
        ({}, None, "file"),
        ({"MESH_AGENT": "variable"}, None, "variable"),
        ({"MESH_AGENT": ""}, None, "file"),
        ({"MESH_AGENT": "variable"}, "flag", "flag"),
    ],
)
def test_order(files, environ, flag, name):
    """Defaults < mesh.toml < variables < flags."""
    files.worker("a")
    files.write("mesh.toml", AGENT)
    loaded = files.load("a", environ={"HOME": "/", **environ}, agent=AgentSettings(name=flag))
    assert loaded.config.agent.name == name


def test_advertised_host(files):
    """Behind every address of the host stands the one that others dial."""
    files.worker("a")
    settings = AgentSettings(peer_listen="0.0.0.0:1-2", advertise="host.example", insecure=True)
    peers = files.load(agent=settings).config.agent.peers
    assert peers == PeerConfig(host="0.0.0.0", first_port=1, last_port=2, advertise="host.example")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"name": "a b"}, "--agent: `a b` is no agent name"),
        ({"control": "x"}, "--control: `x` is not HOST:PORT"),
        ({"peer_listen": "h:1"}, "--peer-listen: `h:1` is not HOST:FIRST-LAST"),
        ({"peer_listen": "h:0-1"}, "--peer-listen: `0-1` is no range of ports"),
        ({"peer_listen": "h:2-1"}, "--peer-listen: `2-1` is no range of ports"),
        ({"peer_listen": "h:1-70000"}, "--peer-listen: port 70000 is above 65535"),
        ({"peer_listen": ":::1-2"}, "--peer-listen: `:::1` is not HOST:PORT"),
        (
            {"peer_listen": "[::]:1-2"},
            "--peer-listen: `::` is every address of this host, which others cannot dial",
        ),
        ({"advertise": "h"}, "--advertise: no peer_listen to advertise"),
    ],
)
def test_wrong_settings_are_errors(files, settings, error):
    """Each names the flag."""
    files.worker("a")
    assert files.error(agent=AgentSettings(**settings, insecure=True)) == error


@pytest.mark.parametrize(
    ("settings", "where"),
    [({"control": "h:1"}, "--control"), ({"peer_listen": "h:1-2"}, "--peer-listen")],
)
def test_plaintext_between_hosts_needs_a_yes(files, settings, where):
    """Nobody sends requests in the clear by accident; a Unix socket needs none."""
    files.worker("a")
    error = files.error(agent=AgentSettings(**settings))
    assert error == f"{where}: plaintext between hosts needs a yes"
    assert files.load(agent=AgentSettings(control="unix:/x")).config.agent.control == "unix:/x"


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        ({"MESH_CONTROL": "x"}, "MESH_CONTROL: `x` is not HOST:PORT"),
        ({"MESH_PEER_LISTEN": "x"}, "MESH_PEER_LISTEN: `x` is not HOST:FIRST-LAST"),
        ({"MESH_INSECURE": "yes"}, "MESH_INSECURE: `yes` is neither 0 nor 1"),
    ],
)
def test_wrong_variables_are_errors(files, environ, error):
    """Each names the variable."""
    files.worker("a")
    assert files.error(environ={"HOME": "/", **environ}) == error


def test_wrong_mesh_toml_is_an_error(files):
    """Each names file and key."""
    files.worker("a")
    files.write("mesh.toml", "[agent]\nname = ' '\ncontol = 'x'")
    assert files.errors("a") == [
        "mesh.toml: agent.contol: unknown key `contol`; did you mean `control`?",
        "mesh.toml: agent.name: ` ` is no agent name",
    ]
