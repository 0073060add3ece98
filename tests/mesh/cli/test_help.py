"""The help pages of `meshctl`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from mesh.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below and with `command`."""
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, *path, name)


COMMANDS = list(commands(main))


@pytest.mark.parametrize("path", [path for path, _ in COMMANDS], ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_help_page_has_an_example_of_its_command(path, option):
    """An example says more than a list of options."""
    result = CliRunner().invoke(main, [*path, option])
    assert result.exit_code == 0
    assert "\n  Example:\n" in result.stdout
    assert f"    {' '.join(('meshctl', *path))}" in result.stdout


@pytest.mark.parametrize(
    ("path", "command"),
    [(path, command) for path, command in COMMANDS if not isinstance(command, click.Group)],
    ids=str,
)
def test_every_command_takes_the_common_options(path, command):
    """One form of output, address and patience for all that ask a control plane."""
    options = {option for param in command.params for option in param.opts}
    assert "--output" in options
    assert path == ("check",) or {"--control", "--timeout"} <= options
