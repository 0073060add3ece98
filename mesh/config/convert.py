"""From what a parser made of a value to the type that a key wants.

Each function returns the value or raises ExpectedError, which tells the type of what it found and
never the value: that could be a secret. Keys and files are `section`'s part.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Any, throughout: what a parser made of a user's file.

_LARGEST_INTEGER: Final = 2**63 - 1
_LARGEST_SECONDS: Final = 10**9
"""Some thirty years; with much more, a clock's arithmetic would overflow."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_$-]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TYPES: Final = (  # the order matters: a bool is an int
    (bool, "a boolean"),
    (str, "a string"),
    (int, "an integer"),
    (float, "a number"),
    (list, "an array"),
    (dict, "a table"),
    (dt.date, "a date"),
    (dt.time, "a time"),
)


class ExpectedError(Exception):
    """A value is not of the type that its key wants."""

    def __init__(self, expected: str, found: Any) -> None:
        super().__init__(f"expected {expected}, found {_describe(found)}")
        self.expected = expected


def to_text(value: Any) -> str:
    """A string with something in it."""
    if isinstance(value, str) and value:
        return value
    raise ExpectedError("a string that is not empty", value)


def to_flag(value: Any) -> bool:
    """A boolean."""
    if isinstance(value, bool):
        return value
    raise ExpectedError("true or false", value)


def to_positive_integer(value: Any) -> int:
    """An integer above zero that a signed 64-bit field can carry."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if is_integer and 0 < value <= _LARGEST_INTEGER:
        return int(value)
    raise ExpectedError("an integer above 0 and below 2^63", value)


def to_positive_seconds(value: Any) -> float:
    """A number above zero."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and 0 < value <= _LARGEST_SECONDS:
        return float(value)
    raise ExpectedError("a number of seconds above 0, at most 10^9", value)


def to_date(value: Any) -> str:
    """`YYYY-MM-DD`, from such a string or from TOML's own type."""
    if type(value) is dt.date:
        return value.isoformat()
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return dt.date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise ExpectedError('a date such as "2026-01-31"', value) from error
    raise ExpectedError('a date such as "2026-01-31"', value)


def to_table(value: Any) -> dict[str, Any]:
    """A table."""
    if isinstance(value, dict):
        return value
    raise ExpectedError("a table", value)


def to_text_or_table(value: Any) -> str | dict[str, Any]:
    """A string with something in it, or a table."""
    if isinstance(value, dict) or (isinstance(value, str) and value):
        return value
    raise ExpectedError("a string or a table", value)


def to_array(value: Any) -> list[Any]:
    """An array, of whatever items."""
    if isinstance(value, list):
        return value
    raise ExpectedError("an array", value)


def to_json_scalar(value: Any) -> str | int | float | bool | None:
    """A value that JSON has and that holds no others: not a date, not NaN."""
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or (isinstance(value, (str, int, float)) and is_finite):
        return value
    raise ExpectedError("a JSON value", value)


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value inside tables and arrays, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(join_key(path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(f"{path}[{index}]", item)
    else:
        yield path, value


def join_key(path: str, key: str) -> str:
    """The path of a key inside a table, quoted where TOML would have it quoted."""
    name = key if _BARE_KEY.fullmatch(key) else json.dumps(key)
    return f"{path}.{name}" if path else name


def _describe(value: Any) -> str:
    if value is None:
        return "null"
    if value == "":
        return "an empty string"
    if isinstance(value, float) and not math.isfinite(value):
        return "a number that is not finite"
    if isinstance(value, (int, float)) and value <= 0 and not isinstance(value, bool):
        return "a number that is not above 0"
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "something else")
