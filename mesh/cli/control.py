"""`mesh-control`: the control plane of several hosts.

Workers of one host need none of their own: their agent brings one along.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesh.config.address import parse_address
from mesh.config.overrides import default_state_dir
from mesh.errors import MeshError, StartError
from mesh.observe.logging import configure

if TYPE_CHECKING:
    from mesh.control.server import ControlPlane

EXIT_USAGE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="workermesh", prog_name="mesh-control")
def main() -> None:
    """Run the control plane of several hosts."""


@main.command(
    epilog="""\b
Examples:
  mesh-control start --insecure
  mesh-control start --listen 10.0.0.1:7443 --state-dir /var/lib/mesh-control --insecure"""
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:7443",
    show_default=True,
    help="Where agents and meshctl reach it.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path),
    envvar="MESH_STATE_DIR",
    help="Where it keeps the mesh [the user's state directory, workermesh/control].",
)
@click.option("--insecure", is_flag=True, help="Serve in plaintext; anybody who can connect rules.")
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    default="INFO",
    envvar="MESH_LOG_LEVEL",
    show_default=True,
    help="What it logs to standard error.",
)
def start(listen: str, state_dir: Path | None, log_level: str, *, insecure: bool) -> None:
    """Run the control plane until Ctrl-C or SIGTERM.

    Prints a line once it serves. Agents go on without it, so it may stop and start at any time. It
    also serves on a Unix socket, control.sock in its state directory.

    Exit code 2 means that it was not started, and the message says why.
    """
    configure(log_level.upper())
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what it has to say is in our own lines
    from mesh.control.server import (  # noqa: PLC0415 - gRPC reads the variable at its import
        ControlPlane,
    )

    try:
        directory = state_dir or default_state_dir(os.environ, Path.cwd()) / "control"
        plane = ControlPlane(directory, listen=_address(listen), insecure=insecure)
        asyncio.run(_serve(plane))
    except MeshError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_USAGE)


async def _serve(plane: ControlPlane) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with plane:
        with suppress(BrokenPipeError):  # it goes on although nobody reads
            click.echo(f"ready: control plane of {plane.mesh} at {plane.addresses[-1]}")
        await stopped.wait()


def _address(text: str) -> tuple[str, int]:
    try:
        return parse_address(text)
    except ValueError as error:
        raise StartError(f"--listen: {error}; write --listen 127.0.0.1:7443") from error
