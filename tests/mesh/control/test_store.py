"""What is acknowledged is on the disk; what cannot be stored changes nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mesh.control import writes
from mesh.control.admission import register, with_cells, with_leave
from mesh.control.rejected import Rejected, Rejection
from mesh.control.store import _SCHEMAS, SCHEMA_VERSION, Store
from mesh.control.stored import BindingSetting, Superseded
from mesh.errors import StartError
from mesh.v1.control_pb2 import Cells
from tests.support.control_client import endpoint, join, manifest, target

if TYPE_CHECKING:
    from pathlib import Path

KEY = ("gateway", "AUTH")


def test_everything_survives(tmp_path: Path) -> None:
    """Registrations with endpoints, bindings, tombstones, vars; name, epoch and revision."""
    with Store(tmp_path / "db") as store:
        stored = store.saved
        assert stored.mesh.startswith("mesh-")
        stored = register(join("a", manifest("gateway", AUTH="auth"), "x@staging"), stored)
        stored = register(join("b", "auth"), stored)
        stored = with_cells(stored, "id-b", Cells(endpoints=[endpoint("c", "auth")]))
        stored = writes.set_binding(stored, KEY, target("auth@x#Admin", b'{"a":1}'))
        stored = writes.remove_binding(
            writes.set_binding(stored, ("x", "Y"), target("z")), ("x", "Y")
        )
        stored = writes.set_var(stored, ("gateway", "N"), b"[1,null]")
        stored = with_leave(register(join("l", "gone"), stored), "id-l")
        present = stored.bindings[KEY]
        two = Superseded((BindingSetting(target("auth2#X", b'{"b":1}'), 3), None), is_told=False)
        one = Superseded((None,), is_told=True)
        stored = replace(stored, superseded={KEY: two, ("x", "Y"): one})
        store.save(stored)
    with Store(tmp_path / "db") as store:
        assert store.saved == stored
        store.save(replace(stored, superseded={KEY: Superseded((present,), is_told=True)}))
    with Store(tmp_path / "db") as store:
        stored = store.saved
        assert stored.superseded == {KEY: Superseded((present,), is_told=True)}
        stored = replace(stored, superseded={})
        less = writes.reset_binding(stored, KEY)
        less = writes.delete_var(less, ("gateway", "N")).without_registrations({"id-a"})
        less = register(join("b", "auth", agent_id="another"), less)
        store.save(less)
    with Store(tmp_path / "db") as store:
        assert store.saved == less


def test_files_are_private(tmp_path: Path) -> None:
    """Vars may say what not everybody should read."""
    with Store(tmp_path / "db") as store:
        store.save(store.saved.changed())
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o777 == 0o600


def test_each_store_is_another_mesh(tmp_path: Path) -> None:
    """Names and epochs are random."""
    with Store(tmp_path / "1") as one, Store(tmp_path / "2") as two:
        assert one.saved.mesh != two.saved.mesh
        assert one.saved.epoch != two.saved.epoch


def test_full_disk_changes_nothing(tmp_path: Path) -> None:
    """The text says so; once there is room, what was left out is stored with the next change."""
    with Store(tmp_path / "db") as store:
        kept = writes.set_binding(store.saved, KEY, target("auth"))
        store.save(kept)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        big = writes.set_var(kept, ("gateway", "N"), b'"' + b"x" * 60_000 + b'"')
        with pytest.raises(Rejected, match="nothing was changed; make room") as caught:
            store.save(big)
        assert caught.value.kind is Rejection.FULL
        assert store.saved == kept
        small = writes.set_binding(kept, KEY, target("auth2"))
        store.save(small)
        store._connection.execute("PRAGMA max_page_count = 100000").fetchall()
        store.save(big.changed())
    with Store(tmp_path / "db") as store:
        assert store.saved == big.changed()


def test_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """What is in it stays; a database of today has the same tables."""
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    connection.executescript(_SCHEMAS[0])
    connection.execute("INSERT INTO mesh VALUES (1, 'mesh-old', 'epoch-old', 42)")
    connection.execute("INSERT INTO agents VALUES ('id-a', 'a', '0.9')")
    manifest_bytes = manifest("gateway", AUTH="auth").SerializeToString()
    connection.execute("INSERT INTO workers VALUES ('id-a', 0, ?)", (manifest_bytes,))
    row = (*KEY, 41, 0, "auth2", "", "", b"")
    connection.execute("INSERT INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    for _ in range(2):
        with Store(tmp_path / "db") as store:
            stored = store.saved
            assert (stored.mesh, stored.epoch, stored.revision) == ("mesh-old", "epoch-old", 42)
            assert stored.bindings == {KEY: BindingSetting(target("auth2"), 41)}
            (registration,) = stored.registrations.values()
            assert (registration.agent, registration.has_left) == ("a", False)
            assert not stored.superseded
            old = store._connection.execute("SELECT name FROM pragma_table_list").fetchall()
    with Store(tmp_path / "new") as store:
        new = store._connection.execute("SELECT name FROM pragma_table_list").fetchall()
    assert sorted(old) == sorted(new)


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    """And left as it is."""
    with Store(tmp_path / "db"):
        pass
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = (tmp_path / "db").read_bytes()
    with pytest.raises(StartError, match="newer release"):
        Store(tmp_path / "db").__enter__()
    assert (tmp_path / "db").read_bytes() == before


def test_file_that_is_no_database(tmp_path: Path) -> None:
    """The text names it and says what to do."""
    (tmp_path / "db").write_bytes(b"nonsense" * 1000)
    with pytest.raises(StartError, match="cannot be used as the control plane's database"):
        Store(tmp_path / "db").__enter__()


def test_nobody_else_opens_it_meanwhile(tmp_path: Path) -> None:
    """A second connection to a WAL database is what loses commits."""
    with Store(tmp_path / "db") as store:
        store.save(store.saved.changed())
        other = sqlite3.connect(tmp_path / "db", timeout=0.0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("SELECT * FROM mesh").fetchall()
        other.close()


WRITER = """
import sys
from pathlib import Path
from mesh.control import writes
from mesh.control.store import Store
with Store(Path(sys.argv[1])) as store:
    for i in range(10**9):
        value = str(store.saved.revision + 1).encode()
        stored = writes.set_var(store.saved, ("w", f"v{i % 50}"), value)
        store.save(stored)
        print(stored.revision, flush=True)
"""


@pytest.mark.slow
def test_what_was_acknowledged_survives_kill(tmp_path: Path) -> None:
    """Killed in the middle of writing, again and again: all that was said to be stored is there."""
    revision = 0
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "db")], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        with writer, writer.stdout:
            for _ in range(100):
                said = int(writer.stdout.readline())
                assert said == revision + 1
                revision = said
            writer.kill()
            rest = writer.stdout.read().splitlines()
        acknowledged = max([revision, *(int(line) for line in rest if line)])
        with Store(tmp_path / "db") as store:
            revision = store.saved.revision
            assert revision in {acknowledged, acknowledged + 1}
            newest = max(int(setting.value_json) for setting in store.saved.vars.values())
            assert newest == revision
