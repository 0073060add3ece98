"""`meshctl var`: values of a worker's env that are set over those of its configuration, live.

Not for secrets: what is set here is shown to whoever may ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mesh.cli import describe, text
from mesh.cli.arguments import parse_var, parse_var_name, parse_worker
from mesh.cli.failure import warning
from mesh.cli.session import Session, Writing, asks_control, writes
from mesh.v1.admin_pb2 import DeleteVarRequest, ListVarsRequest, SetVarRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mesh.v1.admin_pb2 import VarChange
    from mesh.v1.admin_pb2_grpc import AdminStub


@click.group()
def var() -> None:
    """Set, list and delete values of env.

    \b
    Example:
      meshctl var set auth LEVEL=debug
    """


@var.command("set")
@click.argument("worker", type=parse_worker)
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option("--json", "is_json", is_flag=True, help="VALUE is JSON, instead of text.")
@writes
@asks_control
def set_var(
    session: Session, *, worker: str, values: tuple[str, ...], is_json: bool, writing: Writing
) -> None:
    """Set values of a worker, live.

    They win over those of its configuration. Not for secrets: `meshctl var list` shows what is set.

    \b
    Example:
      meshctl var set auth LEVEL=debug
      meshctl var set auth@staging --json LIMITS='{"rate": 5}'
    """
    texts: dict[str, bytes] = {}
    for name, value in (parse_var(given, is_json=is_json) for given in values):
        if name in texts:
            raise click.UsageError(f"`{name}` is given twice; it can have one value")
        texts[name] = value
    writing.require_one(tuple(texts))
    options = writing.to_message()

    def change(admin: AdminStub, name: str, timeout: float) -> VarChange:
        request = SetVarRequest(worker=worker, name=name, value_json=texts[name], options=options)
        return admin.SetVar(request, timeout=timeout)

    _write(session, worker, tuple(texts), writing, change)


@var.command("list")
@click.argument("worker", type=parse_worker, required=False)
@asks_control
def list_vars(session: Session, *, worker: str | None) -> None:
    """List the values that somebody set.

    Of all workers, or of WORKER. Values of configuration files are not among them.

    \b
    Example:
      meshctl var list auth --output json
    """
    with session.connect() as admin:
        request = ListVarsRequest(worker=worker or "")
        answer = admin.ListVars(request, timeout=session.timeout_seconds)
    session.show({"vars": [describe.var(each) for each in answer.vars]}, text.variables)


@var.command("delete")
@click.argument("worker", type=parse_worker)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@writes
@asks_control
def delete_var(session: Session, *, worker: str, names: tuple[str, ...], writing: Writing) -> None:
    """Return to the configured values.

    \b
    Example:
      meshctl var delete auth LEVEL
    """
    writing.require_one(names)
    options = writing.to_message()

    def change(admin: AdminStub, name: str, timeout: float) -> VarChange:
        request = DeleteVarRequest(worker=worker, name=name, options=options)
        return admin.DeleteVar(request, timeout=timeout)

    _write(session, worker, tuple(dict.fromkeys(map(parse_var_name, names))), writing, change)


def _write(
    session: Session,
    worker: str,
    names: Sequence[str],
    writing: Writing,
    change: Callable[[AdminStub, str, float], VarChange],
) -> None:
    """Change one var after the other, until one fails."""
    timeout = session.timeout_seconds + writing.wait_seconds
    with (
        warning() as warnings,
        session.reporting(text.var_changes) as changes,
        session.connect() as admin,
    ):
        for name in names:
            answer = change(admin, name, timeout)
            warnings.extend(answer.warnings)
            changes.append(describe.var_change(worker, name, answer))
