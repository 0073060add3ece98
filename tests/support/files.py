"""Worker directories written for one test."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str) -> Path:
    """Write `text`, dedented, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def write_worker(
    folder: Path, name: str, code: str, *, config: str = "", dev_vars: str = ""
) -> Path:
    """A worker in Cloudflare's directory shape. Returns its directory."""
    directory = folder / name
    config = textwrap.dedent(config)
    write(directory / "wrangler.toml", f'name = "{name}"\nmain = "src/entry.py"\n{config}')
    write(directory / "src" / "entry.py", code)
    if dev_vars:
        write(directory / ".dev.vars", dev_vars)
    return directory


BIND_CALLEE = 'services = [{ binding = "CALLEE", service = "callee" }]'


def write_pair(folder: Path, caller: str, callee: str) -> None:
    """A worker `caller` bound to a worker `callee`."""
    write_worker(folder, "caller", caller, config=BIND_CALLEE)
    write_worker(folder, "callee", callee)
