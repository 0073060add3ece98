"""What every command that asks a control plane has in common: its options and its connection.

`asks_control` gives a command `--control`, `--timeout` and `--output`, and hands it a Session.
`writes` adds what the changing ones have. What the commands ask is their own part.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mesh.cli.address import find_control
from mesh.cli.arguments import parse_control, parse_seconds, parse_timeout, parse_version
from mesh.cli.connection import connect
from mesh.cli.failure import NOT_ASKED, NOT_CONFIRMED, NotAskedError, print_problems
from mesh.cli.render import FORMATS, show
from mesh.errors import ConfigError, MeshError
from mesh.v1.admin_pb2 import WriteOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

    from mesh.v1.admin_pb2_grpc import AdminStub

_NO_WAIT_SECONDS: Final = 0.001
"""Sent for 0, which would mean the server's own default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How one command talks to the control plane, and to the person."""

    control: str | None
    """`HOST:PORT` or `unix:PATH`; `None`: the one that runs here."""

    timeout_seconds: float
    """How long one answer may take, besides the waiting that was asked for."""

    output: str
    """One of FORMATS."""

    def connect(self) -> AbstractContextManager[AdminStub]:
        """The Admin API. Raises: CommandError if there is none, and for any gRPC error."""
        return connect(self.control or find_control(os.environ, Path.cwd()))

    def show(
        self,
        result: dict[str, Any],  # Any: JSON values
        to_text: Callable[[dict[str, Any]], str],
    ) -> None:
        """Print a result as --output wants it."""
        show(result, self.output, to_text)

    @contextmanager
    def reporting(self, to_text: Callable[[dict[str, Any]], str]) -> Iterator[list[dict[str, Any]]]:
        """A list for changes, each as JSON values, that are made one after the other.

        They are shown at the end, also where a later one fails: those before it hold.
        """
        changes: list[dict[str, Any]] = []
        not_confirmed: set[str] = set()
        try:
            yield changes
        finally:
            if changes:
                self.show({"changes": changes}, to_text)
                not_confirmed.update(*(change["not_confirmed"] for change in changes))
                _warn_of(not_confirmed)
        if not_confirmed:
            raise click.exceptions.Exit(NOT_CONFIRMED)

    def finish(
        self,
        result: dict[str, Any],  # Any: JSON values
        to_text: Callable[[dict[str, Any]], str],
    ) -> None:
        """Print the result of one write; end with exit code 1 if not all have confirmed it."""
        self.show(result, to_text)
        _warn_of(result["not_confirmed"])
        if result["not_confirmed"]:
            raise click.exceptions.Exit(NOT_CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How one command writes."""

    if_version: int | None = None
    """The version that the object must have; `None`: any."""

    wait_seconds: float
    """How long the agents have to confirm."""

    def to_message(self) -> WriteOptions:
        """As the requests have it."""
        wait_seconds = self.wait_seconds or _NO_WAIT_SECONDS
        return WriteOptions(if_version=self.if_version or 0, wait_seconds=wait_seconds)

    def require_one(self, names: tuple[str, ...]) -> None:
        """A version belongs to one object."""
        if self.if_version is not None and len(names) > 1:
            raise click.UsageError("--if-version goes with one name at a time")


output_option = click.option(
    "--output",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print the result.",
)
"""For every command that prints a result."""

_control_option = click.option(
    "--control",
    type=parse_control,
    metavar="ADDRESS",
    envvar="MESH_CONTROL",
    show_envvar=True,
    help="The control plane, HOST:PORT or unix:PATH [default: the one that runs here].",
)
_timeout_option = click.option(
    "--timeout",
    type=parse_timeout,
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each answer may take, besides --wait.",
)
_wait_option = click.option(
    "--wait",
    type=parse_seconds,
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until every agent has confirmed; 60 at most.",
)
_if_version_option = click.option(
    "--if-version",
    type=parse_version,
    metavar="N",
    help="Only if it still has version N, as the listing with --output json shows it.",
)


def asks_control(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its Session, from the options that all of them have."""

    @output_option
    @_timeout_option
    @_control_option
    @wraps(command)
    def run(*, control: str | None, timeout: float, output: str, **arguments: Any) -> None:
        try:
            session = Session(control=control, timeout_seconds=timeout, output=output)
            command(session, **arguments)
        except ConfigError as error:
            print_problems(error)
            raise click.exceptions.Exit(NOT_ASKED) from error
        except MeshError as error:
            raise NotAskedError(str(error)) from error

    return run


def waits(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its Writing, without --if-version."""

    @_wait_option
    @wraps(command)
    def run(*positional: Any, wait: float, **arguments: Any) -> None:
        command(*positional, writing=Writing(wait_seconds=wait), **arguments)

    return run


def writes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its Writing, with --if-version."""

    @_if_version_option
    @_wait_option
    @wraps(command)
    def run(*positional: Any, wait: float, if_version: int | None, **arguments: Any) -> None:
        writing = Writing(wait_seconds=wait, if_version=if_version)
        command(*positional, writing=writing, **arguments)

    return run


def _warn_of(not_confirmed: Collection[str]) -> None:
    if not_confirmed:
        names = ", ".join(f"`{name}`" for name in sorted(not_confirmed))
        click.echo(
            f"warning: done, but not confirmed in time by {names}; it takes effect there as soon "
            "as they are back (see `meshctl agents`)",
            err=True,
        )
