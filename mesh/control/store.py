"""What the control plane keeps, in an SQLite database of its own.

A `Stored` is saved as its difference from the one saved before, in one transaction that is on the
disk when `save` returns (WAL, synchronous=FULL). It runs on the event loop: a transaction takes
well under a millisecond, agents do not depend on the control plane to serve, and a change that is
decided, stored and adopted without an await in between needs no lock and cannot be cancelled.

One connection both writes and checkpoints, and locks the file against any other: releases of
SQLite before 3.51.3 can lose a committed write when two connections share a WAL.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from mesh.control.rejected import Rejected, Rejection
from mesh.control.stored import (
    BindingSetting,
    Registration,
    Stored,
    Superseded,
    VarSetting,
)
from mesh.errors import StartError
from mesh.v1.control_pb2 import Endpoint, Target, WorkerManifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mesh.control.stored import BindingKey

_SCHEMAS: Final = (
    """
CREATE TABLE mesh (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL, epoch TEXT NOT NULL, revision INTEGER NOT NULL
) STRICT;
CREATE TABLE agents (
    agent_id TEXT PRIMARY KEY, agent TEXT NOT NULL UNIQUE, software TEXT NOT NULL
) STRICT;
CREATE TABLE workers (
    agent_id TEXT NOT NULL REFERENCES agents ON DELETE CASCADE,
    position INTEGER NOT NULL, manifest BLOB NOT NULL,
    PRIMARY KEY (agent_id, position)
) STRICT;
CREATE TABLE endpoints (
    agent_id TEXT NOT NULL REFERENCES agents ON DELETE CASCADE,
    position INTEGER NOT NULL, endpoint BLOB NOT NULL,
    PRIMARY KEY (agent_id, position)
) STRICT;
CREATE TABLE bindings (
    caller TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
    is_removed INTEGER NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    entrypoint TEXT NOT NULL, props_json BLOB NOT NULL,
    PRIMARY KEY (caller, name)
) STRICT;
CREATE TABLE vars (
    worker TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, value_json BLOB NOT NULL,
    PRIMARY KEY (worker, name)
) STRICT;
""",
    """
ALTER TABLE agents ADD COLUMN has_left INTEGER NOT NULL DEFAULT 0;
CREATE TABLE superseded (
    caller TEXT NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL,
    is_told INTEGER NOT NULL, is_declared INTEGER NOT NULL, version INTEGER NOT NULL,
    service TEXT NOT NULL, environment TEXT NOT NULL, entrypoint TEXT NOT NULL,
    props_json BLOB NOT NULL,
    PRIMARY KEY (caller, name, position)
) STRICT;
""",
)
"""What each version adds to the one before; a release only ever appends."""

SCHEMA_VERSION: Final = len(_SCHEMAS)

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Store:
    """The database of one mesh, while it is entered. The caller holds the directory's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection
        self.saved: Stored
        """What is on the disk."""

    def __enter__(self) -> Self:
        """Raises: StartError where there is no database that this release can use."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._path.chmod(0o600)
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)
        except (OSError, sqlite3.Error) as error:
            raise StartError(f"{self._path}: cannot be opened ({error})") from error
        try:
            self._configure()
            self._migrate()
            self.saved = self._load()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.Error):
                raise StartError(
                    f"{self._path}: cannot be used as the control plane's database ({error}); "
                    "restore it from a backup, or give another --state-dir"
                ) from error
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def save(self, stored: Stored) -> None:
        """Make `stored` durable, with whatever an earlier failure left out.

        Raises: Rejected; then nothing has changed on the disk.
        """
        before = self.saved
        try:
            with self._transaction() as execute:
                for statement, values in _statements(before, stored):
                    execute(statement, values)
                execute("UPDATE mesh SET revision = ?", (stored.revision,))
        except sqlite3.Error as error:
            is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            raise Rejected(
                Rejection.FULL if is_full else Rejection.UNAVAILABLE,
                f"the control plane cannot store it ({error}); nothing was changed; "
                + ("make room on its disk, then repeat" if is_full else "repeat it later"),
            ) from error
        self.saved = stored

    def _configure(self) -> None:
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()

    def _migrate(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise StartError(
                f"{self._path}: written by a newer release (schema {version}, this one knows "
                f"{SCHEMA_VERSION}); install that release, or restore a backup"
            )
        if version > 0:
            (answer,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise sqlite3.DatabaseError(f"it is damaged: {answer}")
        if version == SCHEMA_VERSION:
            return
        with self._transaction() as execute:
            for schema in _SCHEMAS[version:]:
                for statement in schema.split(";")[:-1]:
                    execute(statement, ())
            if version == 0:
                names = (f"mesh-{secrets.token_hex(3)}", secrets.token_hex(8))
                execute("INSERT INTO mesh VALUES (1, ?, ?, 0)", names)
            execute(f"PRAGMA user_version = {SCHEMA_VERSION}", ())

    @contextmanager
    def _transaction(self) -> Iterator[Any]:  # Any: sqlite3's execute
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection.execute
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk has already rolled it back
                self._connection.execute("ROLLBACK")
            raise

    def _load(self) -> Stored:
        rows = self._connection.execute
        mesh, epoch, revision = rows("SELECT name, epoch, revision FROM mesh").fetchone()
        return Stored(
            mesh=mesh,
            epoch=epoch,
            revision=revision,
            registrations={
                agent_id: Registration(
                    agent_id=agent_id,
                    agent=agent,
                    software=software,
                    workers=tuple(
                        WorkerManifest.FromString(blob)
                        for blob in self._blobs("workers", "manifest", agent_id)
                    ),
                    endpoints=tuple(
                        Endpoint.FromString(blob)
                        for blob in self._blobs("endpoints", "endpoint", agent_id)
                    ),
                    has_left=bool(has_left),
                )
                for agent_id, agent, software, has_left in rows(
                    "SELECT agent_id, agent, software, has_left FROM agents"
                ).fetchall()
            },
            bindings={
                (caller, name): BindingSetting(None if is_removed else _target(*words), version)
                for caller, name, version, is_removed, *words in rows("SELECT * FROM bindings")
            },
            superseded=self._superseded(),
            vars={
                (worker, name): VarSetting(value_json, version)
                for worker, name, version, value_json in rows("SELECT * FROM vars")
            },
        )

    def _superseded(self) -> dict[BindingKey, Superseded]:
        found: dict[BindingKey, Superseded] = {}
        for caller, name, _, is_told, is_declared, version, *words in self._connection.execute(
            "SELECT * FROM superseded ORDER BY caller, name, position"
        ):
            setting = None if is_declared else BindingSetting(_target(*words), version)
            before = found[caller, name].settings if (caller, name) in found else ()
            found[caller, name] = Superseded((*before, setting), bool(is_told))
        return found

    def _blobs(self, table: str, column: str, agent_id: str) -> Iterator[bytes]:
        # S608: both names are ours
        query = f"SELECT {column} FROM {table} WHERE agent_id = ? ORDER BY position"  # noqa: S608
        return (blob for (blob,) in self._connection.execute(query, (agent_id,)))


def _target(service: str, environment: str, entrypoint: str, props_json: bytes) -> Target:
    return Target(
        service=service, environment=environment, entrypoint=entrypoint, props_json=props_json
    )


def _statements(before: Stored, after: Stored) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What turns the one on the disk into the other. Any: values that SQLite stores."""
    gone, new = _difference(before.registrations, after.registrations)
    for agent_id in (*gone, *new):  # first all that go: a name may change hands
        yield "DELETE FROM agents WHERE agent_id = ?", (agent_id,)
    for registration in new.values():
        yield from _registration_rows(registration)
    gone_bindings, new_bindings = _difference(before.bindings, after.bindings)
    for binding_key in gone_bindings:
        yield "DELETE FROM bindings WHERE caller = ? AND name = ?", binding_key
    for binding_key, setting in new_bindings.items():
        target = setting.target
        values = (*binding_key, setting.version, int(target is None), *_words(target))
        yield "INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values
    gone_bindings, new_superseded = _difference(before.superseded, after.superseded)
    for binding_key in (*gone_bindings, *new_superseded):
        yield "DELETE FROM superseded WHERE caller = ? AND name = ?", binding_key
    for binding_key, superseded in new_superseded.items():
        yield from _superseded_rows(binding_key, superseded)
    gone_vars, new_vars = _difference(before.vars, after.vars)
    for var_key in gone_vars:
        yield "DELETE FROM vars WHERE worker = ? AND name = ?", var_key
    for var_key, var in new_vars.items():
        yield (
            "INSERT OR REPLACE INTO vars VALUES (?, ?, ?, ?)",
            (*var_key, var.version, var.value_json),
        )


def _registration_rows(registration: Registration) -> Iterator[tuple[str, tuple[Any, ...]]]:
    agent_id = registration.agent_id
    names = (agent_id, registration.agent, registration.software, int(registration.has_left))
    yield "INSERT INTO agents VALUES (?, ?, ?, ?)", names
    for position, manifest in enumerate(registration.workers):
        row = (agent_id, position, manifest.SerializeToString(deterministic=True))
        yield "INSERT INTO workers VALUES (?, ?, ?)", row
    for position, endpoint in enumerate(registration.endpoints):
        row = (agent_id, position, endpoint.SerializeToString(deterministic=True))
        yield "INSERT INTO endpoints VALUES (?, ?, ?)", row


def _superseded_rows(
    key: BindingKey, superseded: Superseded
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for position, setting in enumerate(superseded.settings):
        version, target = (0, None) if setting is None else (setting.version, setting.target)
        flags = (int(superseded.is_told), int(setting is None), version)
        row = (*key, position, *flags, *_words(target))
        yield "INSERT INTO superseded VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row


def _words(target: Target | None) -> tuple[str, str, str, bytes]:
    """The columns of a target; empty for none."""
    if target is None:
        return "", "", "", b""
    return target.service, target.environment, target.entrypoint, target.props_json


def _difference(
    before: Mapping[_Key, _Value], after: Mapping[_Key, _Value]
) -> tuple[list[_Key], dict[_Key, _Value]]:
    """The keys that are gone, and what is new or changed."""
    if before is after:
        return [], {}
    gone = [key for key in before if key not in after]
    new = {
        key: value
        for key, value in after.items()
        if (old := before.get(key)) is not value and old != value
    }
    return gone, new
