"""The benches run; what they measure is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def run(name: str, result: Path) -> tuple[str, dict[str, Any]]:
    """What a short run prints, and the JSON that it writes."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", str(result), name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(result.read_text())


@pytest.mark.slow
def test_hop_is_measured(tmp_path: Path) -> None:
    """A short run prints a table and writes JSON."""
    printed, written = run("hop", tmp_path / "result.json")
    assert "hop - direct" in printed
    assert "hop" in written


@pytest.mark.slow
def test_remote_is_measured(tmp_path: Path) -> None:
    """A short run of all systems: each answers rightly, each figure has its goal."""
    printed, written = run("remote", tmp_path / "result.json")
    assert "link ÷ aiohttp" in printed
    for table in ("remote calls", "remote streams", "remote calls beside a stream"):
        assert written[table]["goals"]
