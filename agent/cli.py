"""The command `mesh-agent`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Any

import click

from mesh.config import AgentSettings, Overrides, load_mesh
from mesh.errors import ConfigError, MeshError
from mesh.observe.logging import configure

EXIT_USAGE = 2

INSECURE_WARNING = (
    "WARNING: --insecure: links to other hosts are plaintext, and whoever reaches the ports of the "
    "control plane or the cells can read, change and call everything. Only on a trusted network."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="workermesh", prog_name="mesh-agent")
def main() -> None:
    """Run Python workers on this host."""


def _announce(line: str) -> None:
    """Print for whoever reads; an agent whose output nobody reads any more goes on."""
    with contextlib.suppress(BrokenPipeError):
        click.echo(line)


def _overrides(
    *,
    env: str | None,
    config: Path | None,
    edge: tuple[str, ...],
    edge_listen: str | None,
    state_dir: Path | None,
    agent: str | None,
    **agent_flags: Any,
) -> Overrides:
    """What the flags say."""
    return Overrides(
        env=env,
        config=config,
        edge_listen=edge_listen,
        edge_workers=edge,
        state_dir=state_dir,
        agent=AgentSettings(name=agent, **agent_flags),
    )


@main.command(
    epilog="""\b
Examples:
  mesh-agent start examples/auth-gateway
  mesh-agent start gateway auth@staging --edge gateway
  mesh-agent start hello.py --edge hello --edge-listen 127.0.0.1:8080
  mesh-agent start auth --control 10.0.0.1:7443 --peer-listen 10.0.0.2:9500-9509 --insecure"""
)
@click.argument("workers", nargs=-1, metavar="[DIR or SCRIPT]...")
@click.option("--edge", multiple=True, metavar="WORKER", help="Make WORKER public. Repeatable.")
@click.option("--edge-listen", metavar="HOST:PORT", help="Public address [127.0.0.1:8787].")
@click.option("--env", metavar="NAME", help="Environment of workers that name none.")
@click.option("--config", type=click.Path(path_type=Path), help="The mesh.toml to use.")
@click.option("--agent", metavar="NAME", help="What this agent is called [the host's name].")
@click.option("--control", metavar="ADDRESS", help="The control plane [one inside this agent].")
@click.option("--peer-listen", metavar="HOST:FIRST-LAST", help="Ports for cells of other hosts.")
@click.option("--advertise", metavar="HOST", help="Where other hosts reach them [as listened on].")
@click.option("--insecure", is_flag=True, default=None, help="Accept plaintext between hosts.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Where the agent keeps state.")
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    default="INFO",
    envvar="MESH_LOG_LEVEL",
    show_default=True,
    help="What the mesh itself logs to standard error.",
)
def start(workers: tuple[str, ...], log_level: str, **flags: Any) -> None:
    """Run this host's workers until Ctrl-C or SIGTERM.

    An argument is a worker's directory (with wrangler.toml or wrangler.jsonc), a directory of such
    directories, or a Python script; NAME@ENV picks an environment. Without arguments: the current
    directory. Prints a line once everything serves.

    SIGTERM and Ctrl-C let requests in flight finish; a second signal ends at once. Exit code 2
    means that nothing was started, and the message says why.
    """
    configure(log_level.upper())
    os.environ["MESH_LOG_LEVEL"] = log_level.upper()  # the cells inherit it
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what it has to say is in our own lines
    from agent.agent import Agent  # noqa: PLC0415 - gRPC reads the variable when it is imported

    try:
        loaded = load_mesh(
            workers,
            environ=os.environ,
            cwd=Path.cwd(),
            overrides=_overrides(**flags),
            hostname=socket.gethostname(),
        )
        for warning in loaded.warnings:
            click.echo(f"warning: {warning}", err=True)
        if loaded.config.agent.insecure:
            click.echo(INSECURE_WARNING, err=True)
        code = asyncio.run(Agent(loaded.config, _announce).run())
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(EXIT_USAGE)
    except MeshError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_USAGE)
    sys.exit(code)
