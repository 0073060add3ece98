"""`meshctl check`: does the configuration hold, and what does it amount to?

It loads exactly what an agent would, and starts nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click

from mesh.cli.failure import NOT_ASKED, print_problems
from mesh.cli.render import show
from mesh.cli.session import output_option
from mesh.cli.table import render_table
from mesh.config import (
    LoadedMesh,
    MeshConfig,
    Overrides,
    WorkerId,
    binding_state,
    load_mesh,
    resolve,
)
from mesh.errors import ConfigError

_WORDS: Final[dict[object, str]] = {True: "yes", False: "no", None: "-"}


@click.command()
@click.argument("workers", nargs=-1, metavar="[DIR or SCRIPT]...")
@click.option("--env", help="Environment of the workers that name none (DIR@ENV names one).")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The mesh.toml to use, instead of the one beside the workers.",
)
@output_option
@click.pass_context
def check(
    context: click.Context,
    workers: tuple[str, ...],
    env: str | None,
    config: Path | None,
    output: str,
) -> None:
    """Check the configuration of workers.

    It shows them and their bindings, and starts nothing. Without arguments it checks the current
    directory: a worker, or a directory of workers. Problems go to standard error, all at once. Exit
    code: 0 if an agent could start this, 2 if not.

    \b
    Example:
      meshctl check gateway auth@staging scripts/echo.py
      meshctl check --env staging --output json
    """
    try:
        loaded = load_mesh(
            workers,
            environ=os.environ,
            cwd=Path.cwd(),
            overrides=Overrides(env=env, config=config),
        )
    except ConfigError as error:
        print_problems(error)
        context.exit(NOT_ASKED)
    show(_describe(loaded.config), output, _to_text)
    _print_warnings(loaded)


def _describe(config: MeshConfig) -> dict[str, list[dict[str, Any]]]:  # Any: JSON values
    ids = [worker.id for worker in config.workers]
    return {
        "workers": [
            {
                "id": str(worker.id),
                "group": config.group_of(worker.id).name,
                "edge": worker.id in config.edge.workers,
                "main": str(worker.main),
            }
            for worker in config.workers
        ],
        "bindings": [
            {
                "caller": str(worker.id),
                "binding": service.binding,
                "target": str(
                    resolve(service, ids) or WorkerId(service.service, service.environment)
                ),
                "entrypoint": service.entrypoint,
                "state": str(binding_state(worker, service, config)),
            }
            for worker in config.workers
            for service in worker.services
        ],
    }


def _to_text(result: dict[str, list[dict[str, Any]]]) -> str:
    tables = (_to_table(rows) for rows in result.values() if rows)
    return "\n\n".join(tables)


def _to_table(rows: list[dict[str, Any]]) -> str:
    cells = [[_to_cell(value) for value in row.values()] for row in rows]
    return render_table([key.upper() for key in rows[0]], cells)


def _to_cell(value: object) -> str:
    return _WORDS.get(value, str(value))


def _print_warnings(loaded: LoadedMesh) -> None:
    for problem in loaded.warnings:
        click.echo(f"warning: {problem}", err=True)
