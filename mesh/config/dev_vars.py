"""Local secrets: `.dev.vars` beside a wrangler file, in dotenv syntax.

Values are taken as they stand, without interpolation, and never appear in a problem's text.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from mesh.config.files import is_file, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from dotenv.parser import Binding

    from mesh.config.problems import Problems


def dev_vars_file(directory: Path, environment: str | None) -> Path:
    """`.dev.vars.ENVIRONMENT` if it is there, else `.dev.vars`, there or not.

    Source: developers.cloudflare.com/workers/configuration/secrets (local development)
    """
    own = directory / f".dev.vars.{environment}"
    return own if environment is not None and is_file(own) else directory / ".dev.vars"


def read_dev_vars(path: Path, problems: Problems) -> dict[str, str]:
    """Names and values; empty if there is no such file. The last of two equal names wins."""
    text = read_text(path, problems) if is_file(path) else None
    secrets = {}
    for line in parse_stream(StringIO(text or "")):
        if line.error or (line.key is not None and line.value is None):
            where = f"{problems.show(path)}:{_line_number(line)}"
            problems.error(where, "this line is not NAME=VALUE", 'write NAME="VALUE"')
        elif line.key is not None and line.value is not None:
            secrets[line.key] = line.value
    return secrets


def _line_number(line: Binding) -> int:
    """Where it really starts: the parser counts the blank lines before it to the line."""
    text = line.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return line.original.line + blank.count("\n")
