"""`meshctl`: the command line of the person who runs a mesh. Each command has its own module."""

from __future__ import annotations

import io
import sys

import click

from mesh.cli.apply import apply
from mesh.cli.bind import bind, unbind
from mesh.cli.check import check
from mesh.cli.listings import agents, bindings, status, workers
from mesh.cli.var import var


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="workermesh", prog_name="meshctl")
def main() -> None:
    """See and change a mesh of Python workers.

    Every command but `check` asks a control plane: the one of this host's agent, unless --control
    or MESH_CONTROL names another.

    \b
    Example:
      meshctl check examples/
      meshctl bind gateway AUTH=auth2
      meshctl bindings
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot encode is no reason to fail
            stream.reconfigure(errors="backslashreplace")


for _command in (check, status, agents, workers, bindings, bind, unbind, var, apply):
    main.add_command(_command)
