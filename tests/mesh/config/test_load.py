"""Loading as a whole: all problems at once, and nothing but the files that were given."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from mesh.errors import ConfigError


def test_all_problems_at_once(files):
    """Every problem of every file, variable and flag comes in one error, each once."""
    files.worker("a", "vars = 1\nrotes = []\n[env.staging]")
    files.write("b/wrangler.toml", 'name = "b"')
    files.write("c/wrangler.jsonc", "{")
    files.write("mesh.toml", "limits.drain_seconds = 0\n")
    errors = files.errors(
        "a", "a@staging", "b", "c", "none", environ={"HOME": "/"}, edge_listen="x"
    )
    assert [error.partition(": expected")[0] for error in errors] == [
        "mesh.toml: limits.drain_seconds",
        "a/wrangler.toml: vars",
        "a/wrangler.toml: rotes: unknown key `rotes`; did you mean `routes`?",
        "b/wrangler.toml: main: key `main` is missing",
        errors[4],
        f"{files.root}/none: there is no such file or directory",
        "--edge-listen: `x` is not HOST:PORT",
    ]
    assert errors[4].startswith("c/wrangler.jsonc:1:")


def test_error_says_what_to_do(files):
    """The text of the error has each problem with its fix."""
    with pytest.raises(ConfigError, match=r"no wrangler\.toml.*\n    fix: add a wrangler\.toml"):
        files.load()


def test_configuration_is_frozen(files):
    """Nobody changes a configuration after it was loaded."""
    files.worker("a")
    config = files.load("a").config
    for value in (config, config.workers[0], config.edge, config.limits, config.groups[0]):
        field = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field, None)


def test_process_environment_is_not_read(files, monkeypatch):
    """Variables count only where they are passed in."""
    files.worker("a")
    monkeypatch.setenv("MESH_STATE_DIR", "/elsewhere")
    monkeypatch.setenv("MESH_EDGE_LISTEN", "broken")
    assert files.load("a").config.edge.port == 8787


@pytest.mark.slow
def test_import_loads_no_server():
    """Configuration needs neither gRPC nor an HTTP server, nor worker or agent code."""
    code = "import sys, mesh.config; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"grpc", "aiohttp", "workers", "agent"} & set(run.stdout.split())
