"""The bench runs; what it measures is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_hop_is_measured(tmp_path: Path) -> None:
    """A short run prints a table and writes JSON."""
    result = tmp_path / "result.json"
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", str(result), "hop"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert "hop - direct" in run.stdout
    assert "hop" in json.dumps(json.loads(result.read_text()))
