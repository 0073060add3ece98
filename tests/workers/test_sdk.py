"""The SDK as a whole: what it exports, what importing it loads, what needs an invocation."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import workers

FOREIGN = ["grpc", "aiohttp", "mesh", "agent", "uvloop", "httpx", "google.protobuf"]


@pytest.mark.slow
def test_import_loads_neither_servers_nor_clients():
    """CONVENTIONS, layers: `workers` stands on the standard library and small value libraries."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, workers; print(*sys.modules, sep='\\n')"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = done.stdout.splitlines()
    assert "workers.response" in loaded
    assert [name for name in FOREIGN if name in loaded] == []


@pytest.mark.parametrize("name", sorted(set(workers.__all__) - {"env"}))
def test_exported_name_exists(name):
    """Whatever `__all__` promises is there."""
    assert getattr(workers, name) is not None


def test_exports_are_distinct():
    """No name is listed twice."""
    assert len(set(workers.__all__)) == len(workers.__all__)


def test_env_needs_an_invocation():
    """`workers.env` is the worker's own: outside a worker there is none, and the error says so."""
    with pytest.raises(workers.NoInvocationError, match=r"workers\.env is only there while"):
        _ = workers.env


def test_no_module_hides_env():
    """A submodule of that name would, once imported, be what `from workers import env` gives."""
    assert importlib.util.find_spec("workers.env") is None


def test_unknown_name_is_an_attribute_error():
    """`__getattr__` of the module answers for `env` only."""
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = workers.nothing
    assert not hasattr(workers, "grpc")
