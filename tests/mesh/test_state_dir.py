"""One holder of a kind at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mesh.errors import StartError
from mesh.state_dir import StateDirectory

if TYPE_CHECKING:
    from pathlib import Path


def test_second_holder_is_refused(tmp_path: Path) -> None:
    """The text names the kind and the pid."""
    first, second = (StateDirectory(tmp_path, lock="x.lock", holder="agent") for _ in range(2))
    with first, pytest.raises(StartError) as caught:
        second.__enter__()
    assert f"held by another agent (pid {os.getpid()})" in str(caught.value)


def test_free_after_the_first_has_gone(tmp_path: Path) -> None:
    """The lock file stays; the lock does not."""
    for _ in range(2):
        with StateDirectory(tmp_path, lock="x.lock", holder="agent"):
            assert (tmp_path / "x.lock").read_text() == f"{os.getpid()}\n"


def test_agent_and_control_plane_may_share(tmp_path: Path) -> None:
    """Their locks differ."""
    with (
        StateDirectory(tmp_path / "new" / "one", lock="agent.lock", holder="agent"),
        StateDirectory(tmp_path / "new" / "one", lock="control.lock", holder="control plane"),
    ):
        assert (tmp_path / "new" / "one").stat().st_mode & 0o777 == 0o700


def test_file_in_place_of_the_directory(tmp_path: Path) -> None:
    """Not even root can write into a file."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StartError, match="not a directory"):
        StateDirectory(tmp_path / "state", lock="x.lock", holder="agent").__enter__()
