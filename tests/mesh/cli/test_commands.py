"""The commands that are installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run an installed command."""
    program = Path(sys.executable).with_name(command[0])
    return subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mesh-agent", "mesh-control", "meshctl"])
def test_every_command_helps(name: str) -> None:
    """`--help` and `--version` say what the command is."""
    assert "Usage" in run(name, "--help").stdout
    assert run(name, "--version").stdout.startswith(f"{name}, version 0.")


@pytest.mark.slow
def test_a_control_plane_in_plaintext_needs_a_yes(tmp_path) -> None:
    """Nothing that others can reach is served without identities unless somebody says so."""
    result = run("mesh-control", "start", "--state-dir", str(tmp_path))
    assert result.returncode == 2
    assert "--insecure" in result.stderr
