"""`meshctl`: the command line of the person who runs a mesh. Each command has its own module."""

from __future__ import annotations

import click

from mesh.cli.check import check


@click.group()
@click.version_option(package_name="workermesh", prog_name="meshctl")
def main() -> None:
    """See and change a mesh of Python workers.

    \b
    Example:
      meshctl check examples/
    """


main.add_command(check)
