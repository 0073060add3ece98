"""Imports point down only, from the syntax tree."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

RANKS = {
    "workers": 0,
    "mesh": 0.5,
    "mesh.errors": 0.5,
    "mesh.v1": 0.5,
    "mesh.config": 1,
    "mesh.wire": 1,
    "mesh.routing": 1,
    "mesh.transport": 1,
    "mesh.observe": 1,
    "mesh.state_dir": 1,
    "mesh.channel": 2,
    "mesh.control": 2,
    "mesh.cli": 3,
    "agent": 3,
}
"""The layers of the house; a package may import lower ones and itself."""

FOREIGN = {
    "aiohttp": {
        f"agent/{name}.py"
        for name in ("edge", "edge_answer", "edge_http", "edge_server", "outbound")
    },
    "grpc": {
        "agent/session.py",
        "mesh/channel/grpc_stream.py",
        "mesh/cli/connection.py",
        "mesh/transport/channels.py",
        *(f"mesh/control/{name}.py" for name in ("admin_service", "answers", "control_service")),
        "mesh/control/server.py",
    },
    "tomli": {"mesh/config/files.py"},
    "uvloop": {"agent/cell.py"},
    "click": {
        "agent/cli.py",
        *(f"mesh/cli/{name}.py" for name in ("main", "check", "control")),
        *(f"mesh/cli/{name}.py" for name in ("apply", "bind", "listings", "var")),
        *(f"mesh/cli/{name}.py" for name in ("arguments", "failure", "render", "session")),
    },
}
"""Libraries that only some files may know."""

SDK_LIBRARIES = {"can_ada", "msgspec", "multidict", "workers"}
"""What the SDK may import besides the standard library."""

FILES = sorted(
    path
    for package in ("workers", "mesh", "agent")
    for path in (ROOT / package).rglob("*.py")
    if "v1" not in path.parts
)


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield str(node.module)


def layer(module: str) -> str | None:
    """The layer that a module of ours belongs to, None for others."""
    parts = module.split(".")
    for name in (".".join(parts[:2]), parts[0]):
        if name in RANKS:
            return name
    return None


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_point_down(path: Path) -> None:
    """A file imports its own package and lower layers; siblings of a layer do not meet."""
    own = layer(relative(path).removesuffix(".py").replace("/", "."))
    assert own is not None
    for module in imports(path):
        other = layer(module)
        if other is not None and other != own:
            assert RANKS[other] < RANKS[own], f"{own} may not import {module}"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_foreign_libraries_stay_where_they_belong(path: Path) -> None:
    """grpc, aiohttp and their like are known to few files."""
    for module in imports(path):
        top = module.split(".")[0]
        if top in FOREIGN:
            assert relative(path) in FOREIGN[top], f"{module} has no place in {relative(path)}"


def test_sdk_needs_small_libraries_only() -> None:
    """`workers` imports the standard library and a few value libraries."""
    for path in (ROOT / "workers").rglob("*.py"):
        for module in imports(path):
            top = module.split(".")[0]
            assert top in SDK_LIBRARIES or top in sys.stdlib_module_names, f"{path}: {module}"


def test_agent_process_loads_no_user_code_and_no_server() -> None:
    """What `mesh-agent` imports has neither the edge, the peers' server nor the loader in it."""
    code = (
        "import agent.agent, agent.cli, sys;"
        "servers = 'aiohttp', 'agent.loader', 'agent.edge', 'agent.peer';"
        "print([module for module in servers if module in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
