"""What the command line and the `MESH_*` variables say over the files.

Order: defaults, mesh.toml, environment variables, flags; the last one wins. The process's own
environment is never read here: it comes as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.config.agent_settings import AgentSettings, place_agent, read_variables
from mesh.config.files import join
from mesh.config.mesh_file import MeshFile, read_listen
from mesh.config.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh.config.model import AgentConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Values of flags; `None` or empty: the flag was not given."""

    env: str | None = None
    """The environment of every argument that names none."""

    config: Path | None = None
    """The mesh.toml to use instead of the one that would be found."""

    edge_listen: str | None = None
    """`HOST:PORT` of the public listener."""

    edge_workers: tuple[str, ...] = ()
    """Workers to put at the edge, in addition to those that are there by configuration."""

    agent: AgentSettings = field(default_factory=AgentSettings)
    """This host's place in the mesh."""

    state_dir: Path | None = None
    """Where state lives; relative to the current directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a command was given besides files."""

    overrides: Overrides
    """From flags."""

    environ: Mapping[str, str]
    """The variables; an empty one counts as unset."""

    cwd: Path
    """The absolute directory from which relative paths of flags and variables are seen."""

    hostname: str = "localhost"
    """What the agent is called if nothing else says."""

    def environment(self) -> str | None:
        """The environment of arguments that name none."""
        return self.overrides.env or self.environ.get("MESH_ENV") or None

    def listen(self, mesh_file: MeshFile, problems: Problems) -> tuple[str, int] | None:
        """Host and port of the public listener; `None`: not said. Each one given is checked."""
        chosen = mesh_file.edge_listen
        variable, flag = self.environ.get("MESH_EDGE_LISTEN"), self.overrides.edge_listen
        for where, text in (("MESH_EDGE_LISTEN", variable), ("--edge-listen", flag)):
            if text:
                chosen = read_listen(where, text, problems)
        return chosen

    def agent(self, mesh_file: MeshFile, problems: Problems) -> AgentConfig:
        """This host's place in the mesh."""
        file = problems.show(mesh_file.path) if mesh_file.path else ""
        file = file.replace("{", "{{").replace("}", "}}")
        sources = {
            f"{file}: agent.{{key}}": mesh_file.agent,
            "MESH_{variable}": read_variables(self.environ, problems),
            "--{flag}": self.overrides.agent,
        }
        return place_agent(sources, self.hostname, problems)

    def state_dir(self, mesh_file: MeshFile, problems: Problems) -> Path:
        """The state directory, absolute, there or not."""
        variable = self.environ.get("MESH_STATE_DIR")
        chosen = self.overrides.state_dir or variable or mesh_file.state_dir
        return join(self.cwd, chosen) if chosen else self._user_state_dir(problems)

    def _user_state_dir(self, problems: Problems) -> Path:
        """Source: XDG Base Directory Specification, which has relative paths ignored."""
        state_home = Path(self.environ.get("XDG_STATE_HOME", ""))
        if state_home.is_absolute():
            return state_home / "workermesh"
        home = self.environ.get("HOME", "")
        if not home:
            problems.error(
                "MESH_STATE_DIR",
                "there is no place for state: neither XDG_STATE_HOME nor HOME is set",
                "set MESH_STATE_DIR",
            )
        return join(self.cwd, home) / ".local" / "state" / "workermesh"


def default_state_dir(environ: Mapping[str, str], cwd: Path) -> Path:
    """The state directory of a command that was given none and reads no mesh.toml.

    Raises: ConfigError where there is no place for one.
    """
    problems = Problems(cwd)
    given = Given(overrides=Overrides(), environ=environ, cwd=cwd)
    state_dir = given.state_dir(MeshFile(), problems)
    problems.raise_errors()
    return state_dir
