"""Collects everything that is wrong with a configuration, so that it is reported at once.

Does not decide what is wrong.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mesh.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Problems:
    """Errors and warnings in the order in which they were found, each once."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd
        self._errors: dict[Problem, None] = {}
        self._warnings: dict[Problem, None] = {}

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What works, but perhaps not as its author thinks."""
        return tuple(self._warnings)

    def show(self, path: Path) -> str:
        """The path as a person would write it: relative where it is below the current directory."""
        return str(path.relative_to(self._cwd) if path.is_relative_to(self._cwd) else path)

    def error(self, where: str | Path, reason: str, fix: str = "") -> None:
        """Note what makes the configuration unusable."""
        self._errors[self._problem(where, reason, fix)] = None

    def warn(self, where: str | Path, reason: str, fix: str = "") -> None:
        """Note what the mesh goes on in spite of."""
        self._warnings[self._problem(where, reason, fix)] = None

    def raise_errors(self) -> None:
        """Raise one ConfigError with every error so far; return if there is none."""
        if self._errors:
            raise ConfigError(self._errors)

    def _problem(self, where: str | Path, reason: str, fix: str) -> Problem:
        shown = where if isinstance(where, str) else self.show(where)
        return Problem(where=shown, reason=reason, fix=fix)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the known word that looks most like `word`, or nothing."""
    close = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def listing(names: Iterable[str]) -> str:
    """Names for a sentence, in their order: "`a`, `b`"; "none" if there are none."""
    return ", ".join(f"`{name}`" for name in names) or "none"
