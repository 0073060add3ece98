"""`meshctl`: the command line of the person who runs a mesh. Each command has its own module."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import click

from mesh.cli.check import check


def _version() -> str:
    try:
        return version("workermesh")
    except PackageNotFoundError:
        return "(not installed)"


@click.group()
@click.version_option(version=_version(), prog_name="meshctl")
def main() -> None:
    """See and change a mesh of Python workers.

    \b
    Example:
      meshctl check examples/
    """


main.add_command(check)
