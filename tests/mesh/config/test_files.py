"""Files that cannot be read or parsed."""

from __future__ import annotations

import os

import pytest


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("wrangler.toml", 'name = "a"\nmain = \n', ":2:8: Invalid value"),
        ("wrangler.toml", "a = 1\na = 2", ":2:6: Cannot overwrite a value"),
        ("wrangler.toml", "a = " + "[" * 5000, ": is nested too deeply"),
        ("wrangler.jsonc", '{\n  "name": }', ':2:11: Unexpected "}"'),
        ("wrangler.jsonc", '{"a": 1, "a": 2}', ': Duplicate key "a" found in object'),
        ("wrangler.jsonc", "", ":1:1: the file is empty"),
        ("wrangler.jsonc", "[]", ":1:1: the file must hold one object"),
        ("wrangler.jsonc", "[" * 5000, ": is nested too deeply"),
        ("wrangler.toml", b"\xff\xfe", ": is not UTF-8, from byte 0"),
        ("wrangler.jsonc", b'{"a": "\xff"}', ": is not UTF-8, from byte 7"),
    ],
)
def test_broken_file_is_an_error_with_its_place(files, name, text, error):
    """The parser's words are reported with file, line and column."""
    files.write(f"auth/{name}", text)
    assert f"auth/{name}{error}" in files.error("auth")


def test_byte_order_mark_is_ignored(files):
    """Some editors write a byte order mark."""
    files.write("auth/entry.py")
    files.write("auth/wrangler.toml", '\ufeffname = "auth"\nmain = "entry.py"')
    files.write("auth/.dev.vars", "\ufeffA=1")
    assert files.one("auth").secrets == {"A": "1"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_unreadable_file_is_an_error(files):
    """A file without read permission is named with the system's reason."""
    files.worker("auth").chmod(0)
    assert files.error("auth") == "auth/wrangler.toml: cannot be read: Permission denied"


def test_missing_config_file_is_an_error(files):
    """The file that --config names has to be there."""
    files.worker("auth")
    error = files.error("auth", config=files.root / "none.toml")
    assert error == "none.toml: cannot be read: No such file or directory"
    assert files.error("auth", config=files.root / "auth") == "auth: cannot be read: Is a directory"


def test_path_outside_the_current_directory_is_shown_whole(files, tmp_path_factory):
    """Paths are shown relative only where that is shorter and clear."""
    other = tmp_path_factory.mktemp("other")
    (other / "wrangler.toml").write_text("=")
    assert files.error(str(other)).startswith(f"{other}/wrangler.toml:1:1: ")
