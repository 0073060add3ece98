"""One table of a configuration file, read key by key with its types.

A Section notes what has the wrong type under its full key path, and in the end which keys nobody
asked for. Rules beyond types are its callers'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mesh.config.convert import (
    ExpectedError,
    join_key,
    leaves,
    to_array,
    to_date,
    to_flag,
    to_json_scalar,
    to_positive_integer,
    to_positive_seconds,
    to_table,
    to_text,
    to_text_or_table,
)
from mesh.config.problems import listing, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mesh.config.problems import Problems

_T = TypeVar("_T")


class Section:
    """Typed access to one table; `None` stands for a key that is absent or wrong (and noted)."""

    # Any: what a parser made of a user's file; this class is where it gets a type.
    def __init__(
        self, table: Mapping[str, Any], *, file: Path, problems: Problems, path: str = ""
    ) -> None:
        self.file = file
        self.problems = problems
        self._table = table
        self._path = path
        self._asked: set[str] = set()
        self._skipped: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """The keys that are there, for a table whose keys the user chooses."""
        return tuple(self._table)

    def has(self, key: str) -> bool:
        """Whether the key is there, with whatever type."""
        return key in self._table

    def skip(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Accept keys unread; return the paths of those that are there."""
        skipped = frozenset(keys)
        self._skipped |= skipped
        return tuple(join_key(self._path, key) for key in self._table if key in skipped)

    def where(self, key: str = "") -> str:
        """File and key path, for a Problem; the table's own path without a key."""
        return self._where(join_key(self._path, key) if key else self._path)

    def error(self, key: str, reason: str, fix: str = "") -> None:
        """Note that the value of a key breaks a rule."""
        self.problems.error(self.where(key), reason, fix)

    def require(self, key: str, example: str) -> None:
        """Note it if the key is missing."""
        if not self.has(key):
            self.error(key, f"key `{key}` is missing", f"such as {key} = {example}")

    def finish(self) -> None:
        """Note each key that was not asked for, with the one that it may have been meant to be."""
        known = self._asked | self._skipped
        for key in self._table:
            if key in known:
                continue
            guess = suggestion(key, known)
            fix = "" if guess else f"remove it; the keys here are {listing(sorted(self._asked))}"
            where = self._where(join_key(self._path, key))
            self.problems.error(where, f"unknown key `{key}`{guess}", fix)

    def text(self, key: str) -> str | None:
        """A string with something in it."""
        return self._read(key, to_text)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """An array of such strings."""
        items = self._items(key, to_text)
        return None if items is None else tuple(text for _, text in items)

    def flag(self, key: str) -> bool | None:
        """A boolean."""
        return self._read(key, to_flag)

    def positive_integer(self, key: str) -> int | None:
        """An integer above zero."""
        return self._read(key, to_positive_integer)

    def positive_seconds(self, key: str) -> float | None:
        """A number above zero."""
        return self._read(key, to_positive_seconds)

    def date(self, key: str) -> str | None:
        """A date as `YYYY-MM-DD`, from such a string or from TOML's own type."""
        return self._read(key, to_date)

    def json(self, key: str) -> dict[str, Any] | None:  # Any: JSON values
        """A table of JSON values: TOML's dates and JSON5's NaN are none."""
        table = self._read(key, to_table)
        for path, value in leaves(join_key(self._path, key), table):
            self._convert(path, value, to_json_scalar)
        return table

    def table(self, key: str) -> Section | None:
        """A table inside this one; the caller finishes it."""
        table = self._read(key, to_table)
        return None if table is None else self._below(join_key(self._path, key), table)

    def tables(self, key: str) -> tuple[Section, ...] | None:
        """An array of tables; the caller finishes each."""
        items = self._items(key, to_table)
        return None if items is None else tuple(self._below(path, table) for path, table in items)

    def text_or_table(self, key: str) -> str | Section | None:
        """A string or a table."""
        value = self._read(key, to_text_or_table)
        return self._below(join_key(self._path, key), value) if isinstance(value, dict) else value

    def texts_or_tables(self, key: str) -> tuple[str | Section, ...] | None:
        """An array of strings and tables."""
        items = self._items(key, to_text_or_table)
        if items is None:
            return None
        return tuple(
            self._below(path, value) if isinstance(value, dict) else value for path, value in items
        )

    def _read(self, key: str, convert: Callable[[Any], _T]) -> _T | None:
        self._asked.add(key)
        if key not in self._table:
            return None
        return self._convert(join_key(self._path, key), self._table[key], convert)

    def _items(self, key: str, convert: Callable[[Any], _T]) -> list[tuple[str, _T]] | None:
        """The good items of an array, each with its path."""
        array = self._read(key, to_array)
        if array is None:
            return None
        paths = (f"{join_key(self._path, key)}[{index}]" for index in range(len(array)))
        converted = (
            (path, self._convert(path, item, convert))
            for path, item in zip(paths, array, strict=True)
        )
        return [(path, item) for path, item in converted if item is not None]

    def _convert(self, path: str, value: Any, convert: Callable[[Any], _T]) -> _T | None:
        try:
            return convert(value)
        except ExpectedError as error:
            self.problems.error(self._where(path), str(error), f"write {error.expected}")
            return None

    def _below(self, path: str, table: Mapping[str, Any]) -> Section:
        return Section(table, file=self.file, problems=self.problems, path=path)

    def _where(self, path: str) -> str:
        return f"{self.problems.show(self.file)}: {path}"
