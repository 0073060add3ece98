"""Reads the files of a configuration: text, TOML and JSON with comments.

What cannot be read or parsed is noted as a problem and comes back as `None`. What a file means is
not known here.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import json5
import tomli

if TYPE_CHECKING:
    from mesh.config.problems import Problems

_JSON5_PLACE = re.compile(
    r"<string>:(?P<line>\d+) (?P<reason>.*) at column (?P<column>\d+)", re.DOTALL
)


def join(base: Path, path: str | Path) -> Path:
    """`path` seen from `base`, without `..`; symbolic links stay, as the user named them."""
    return Path(os.path.normpath(base / path))


def is_file(path: Path) -> bool:
    """Whether it is a file that can be reached."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_directory(path: Path) -> bool:
    """Whether it is a directory that can be reached."""
    try:
        return path.is_dir()
    except OSError:
        return False


def read_text(path: Path, problems: Problems) -> str | None:
    """The file's text without a byte order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.error(path, f"cannot be read: {error.strerror}", "check the path and its rights")
    except UnicodeDecodeError as error:
        problems.error(path, f"is not UTF-8, from byte {error.start}", "save it as UTF-8")
    return None


def read_table(path: Path, problems: Problems) -> dict[str, Any] | None:  # Any: the user's values
    """The table in a `.toml` file, else in a file of JSON with comments."""
    text = read_text(path, problems)
    if text is None:
        return None
    try:
        return _parse_toml(text) if path.suffix == ".toml" else _parse_jsonc(text)
    except _SyntaxError as error:
        where = f"{problems.show(path)}:{error.place}" if error.place else path
        problems.error(where, error.reason, "mend the syntax")
    except RecursionError:
        problems.error(path, "is nested too deeply", "make it flatter")
    return None


class _SyntaxError(Exception):
    """A parser's complaint: `line:column`, or nothing where it gave no place, and its words."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


def _parse_toml(text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise _SyntaxError(f"{error.lineno}:{error.colno}", error.msg) from error


def _parse_jsonc(text: str) -> dict[str, Any]:
    if not text.strip():
        raise _SyntaxError("1:1", "the file is empty")
    try:
        value = json5.loads(text, allow_duplicate_keys=False)
        # A lone surrogate is legal in JSON and can be neither printed nor sent.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _SyntaxError("", "a string holds half of a surrogate pair") from error
    except ValueError as error:
        place = _JSON5_PLACE.fullmatch(str(error))
        if place is None:
            raise _SyntaxError("", str(error)) from error
        raise _SyntaxError(f"{place['line']}:{place['column']}", place["reason"]) from error
    if not isinstance(value, dict):
        raise _SyntaxError("1:1", "the file must hold one object, `{ … }`")
    return value
