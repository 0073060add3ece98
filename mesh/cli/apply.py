"""`meshctl apply`: make what is set equal to what a mesh.toml says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesh.cli import describe, text
from mesh.cli.arguments import to_json, to_target
from mesh.cli.session import Session, Writing, asks_control, waits
from mesh.config.files import join
from mesh.config.mesh_file import read_mesh_file
from mesh.config.problems import Problems
from mesh.v1 import admin_pb2
from mesh.v1.control_pb2 import DeclaredBinding

if TYPE_CHECKING:
    from mesh.config.settings import WorkerSettings


@click.command()
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    required=True,
    help="The mesh.toml with tables [bindings.WORKER] and [vars.WORKER].",
)
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
@waits
@asks_control
def apply(session: Session, *, file: Path, dry_run: bool, writing: Writing) -> None:
    """Make what is set equal to a mesh.toml.

    For every worker that has a table [bindings.WORKER] or [vars.WORKER] in the file, exactly that
    is set; what was set besides returns to what its configuration declares. Other workers are not
    touched. All is done, or nothing. In any order, cycles included.

    It prints the differences: `~` changed, `+` new, `-` gone. Exit code: 0 done, also for a dry run
    with differences; 1 refused or not confirmed by every agent; 2 not asked.

    \b
    Example:
      meshctl apply -f mesh.toml --dry-run
      meshctl apply -f mesh.toml
    """
    request = admin_pb2.ApplyRequest(
        workers=map(_to_message, _read(file)), dry_run=dry_run, options=writing.to_message()
    )
    with session.connect() as admin:
        answer = admin.Apply(request, timeout=session.timeout_seconds + writing.wait_seconds)
    session.finish(describe.applied(answer, dry_run=dry_run), text.applied)


def _read(file: Path) -> tuple[WorkerSettings, ...]:
    """What the file sets. Raises: ConfigError, with every problem of the file."""
    cwd = Path.cwd()
    problems = Problems(cwd)
    path = join(cwd, file)
    settings = read_mesh_file(path, problems).settings
    problems.raise_errors()
    if not settings:
        problems.error(path, "sets nothing for any worker, so there is nothing to apply", _FIX)
        problems.raise_errors()
    return settings


_FIX = 'add a table [bindings.WORKER] with such as AUTH = "auth", or a table [vars.WORKER]'


def _to_message(settings: WorkerSettings) -> admin_pb2.WorkerSettings:
    return admin_pb2.WorkerSettings(
        worker=str(settings.worker),
        bindings=[
            DeclaredBinding(name=service.binding, target=to_target(service))
            for service in settings.bindings
        ],
        removed_bindings=settings.removed,
        vars_json=to_json(dict(settings.vars)),
    )
