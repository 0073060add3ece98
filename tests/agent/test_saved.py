"""What an agent keeps on its disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.saved import agent_id, read_snapshot, write_snapshot
from mesh.errors import StartError
from mesh.v1.control_pb2 import Position, SavedSnapshot, Update

if TYPE_CHECKING:
    from pathlib import Path

SAVED = SavedSnapshot(mesh="m", snapshot=Update(position=Position(epoch="e", revision=7)))


def test_identity_outlives_restarts(tmp_path: Path) -> None:
    """Made up once; another directory is another agent."""
    first = agent_id(tmp_path)
    assert agent_id(tmp_path) == first
    (tmp_path / "other").mkdir()
    assert agent_id(tmp_path / "other") != first


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"short"])
def test_damaged_identity_is_an_error(tmp_path: Path, content: bytes) -> None:
    """It names the file and says what deleting it means."""
    (tmp_path / "agent.id").write_bytes(content)
    with pytest.raises(StartError, match=r"agent\.id: damaged; delete it"):
        agent_id(tmp_path)


@pytest.mark.parametrize("name", ["agent.id", "snapshot.bin"])
def test_directory_in_the_way_is_an_error(tmp_path: Path, name: str) -> None:
    """No traceback for what a person can mend."""
    (tmp_path / name).mkdir()
    with pytest.raises(StartError, match=f"{name}: cannot be used"):
        (agent_id if name == "agent.id" else read_snapshot)(tmp_path)


def test_snapshot_comes_back(tmp_path: Path) -> None:
    """For its owner's eyes only."""
    assert read_snapshot(tmp_path) is None
    write_snapshot(tmp_path, SavedSnapshot())
    write_snapshot(tmp_path, SAVED)
    assert read_snapshot(tmp_path) == SAVED
    assert (tmp_path / "snapshot.bin").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot.bin"]


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_damaged_snapshot_counts_as_missing(tmp_path: Path, cut: int) -> None:
    """Cut anywhere, or with a byte changed."""
    write_snapshot(tmp_path, SAVED)
    path = tmp_path / "snapshot.bin"
    whole = path.read_bytes()
    place = cut % len(whole)
    path.write_bytes(whole[:place])
    assert read_snapshot(tmp_path) is None
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert read_snapshot(tmp_path) is None
