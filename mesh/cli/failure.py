"""How a command ends that cannot do what it was asked: one line on standard error, no traceback.

exit code   means
0           done
1           done but not confirmed by every agent, or refused by the control plane
2           not asked: wrong usage, wrong configuration, or no control plane to ask
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

import click

from mesh.cli.render import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh.errors import ConfigError

NOT_CONFIRMED: Final = 1
REFUSED: Final = 1
NOT_ASKED: Final = 2


class CommandError(click.ClickException):
    """The command ends here; the message says what to do next."""

    def show(self, file: IO[Any] | None = None) -> None:  # Any: as click declares it
        """Print it like every other error of the mesh; a line is a problem."""
        for line in self.message.splitlines():
            click.echo(f"error: {line}", file=file, err=True)


class RefusedError(CommandError):
    """The control plane was asked, and did not do it."""

    exit_code = REFUSED


class NotAskedError(CommandError):
    """Nothing was asked, or no answer came."""

    exit_code = NOT_ASKED


@contextmanager
def warning() -> Iterator[list[str]]:
    """A list for what the control plane warns of; each is said once, after the result."""
    warnings: list[str] = []
    try:
        yield warnings
    finally:
        for text in dict.fromkeys(warnings):
            click.echo(f"warning: {printable(text, 1000)}", err=True)


def print_problems(error: ConfigError) -> None:
    """Every problem with its fix, then their number, to standard error."""
    for problem in error.problems:
        click.echo(f"error: {problem}", err=True)
    count = len(error.problems)
    click.echo("1 problem" if count == 1 else f"{count} problems", err=True)
