"""Prints a result: as text for people, or as JSON or YAML for programs.

The result is made of JSON values and is the same in all three; only the text leaves things out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click
import yaml

from mesh.cli.table import render_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORMATS: Final = ("table", "json", "yaml")
"""What --output takes."""

_CELL_LENGTH: Final = 60


def show(
    result: dict[str, Any],  # Any: JSON values
    output: str,
    to_text: Callable[[dict[str, Any]], str],
) -> None:
    """Print a result in one of FORMATS; no line at all for an empty text."""
    if output == "json":
        text = json.dumps(result, indent=2, ensure_ascii=False)
    elif output == "yaml":
        text = yaml.safe_dump(result, sort_keys=False, allow_unicode=True).rstrip("\n")
    else:
        text = to_text(result)
    if text:
        click.echo(text)


def to_table(header: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> str:
    """A table, or no text and `nothing` on standard error where there are no rows."""
    if not rows:
        click.echo(nothing, err=True)
        return ""
    return render_table(header, [[printable(cell) for cell in row] for row in rows])


def printable(text: str, limit: int = _CELL_LENGTH) -> str:
    """The text on one line, cut to `limit`, without what a terminal would act on."""
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
