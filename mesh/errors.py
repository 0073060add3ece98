"""Errors for operators: configuration and the running of the mesh itself.

    MeshError
    ├── ConfigError        what the user wrote cannot be used; every problem at once
    ├── ProtocolError      a peer process said something that the protocol does not allow
    └── StartError         the host cannot run this agent now (port, state directory, cell)

What worker code may catch is in `workers.errors`. A command ends with exit code 2 on a MeshError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class MeshError(Exception):
    """Base of everything that the mesh reports to the person who runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, where it stands, and how to mend it."""

    where: str
    """File with line or key (`auth/wrangler.toml: services[0].binding`), or the argument."""
    reason: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" + (f"\n    fix: {self.fix}" if self.fix else "")


class ConfigError(MeshError):
    """The configuration cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ProtocolError(MeshError):
    """A peer process sent something that the protocol does not allow."""


class StartError(MeshError):
    """This host cannot run the agent now; the message says what is in the way and what to do."""
