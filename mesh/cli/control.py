"""`mesh-control`: the control plane of several hosts.

Workers of one host need none: their agent knows everything from its files. This version has no link
between hosts, so `start` says that and ends; it pretends nothing.
"""

from __future__ import annotations

import click


@click.group()
@click.version_option(package_name="workermesh", prog_name="mesh-control")
def main() -> None:
    """Run the control plane of several hosts."""


@main.command()
def start() -> None:
    """Start a control-plane replica. Not in this version: it runs on one host."""
    raise click.UsageError(
        "this version connects no hosts, so there is nothing to control; "
        "run this host's workers with `mesh-agent start`"
    )
