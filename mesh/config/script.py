"""A worker that is only a script: no wrangler file, so no vars, secrets or bindings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.config.model import WorkerConfig
from mesh.config.worker_id import ENVIRONMENT, ENVIRONMENT_RULE, NAME, NAME_RULE, WorkerId

if TYPE_CHECKING:
    from pathlib import Path

    from mesh.config.problems import Problems


def read_script(file: Path, environment: str | None, problems: Problems) -> WorkerConfig | None:
    """The worker named after the script, lower-cased; it may run in any environment."""
    name = file.stem.lower()
    if not NAME.fullmatch(name):
        problems.error(
            file,
            f"`{name}` is not a worker name: {NAME_RULE}",
            "rename the script, or give it a wrangler.toml",
        )
        return None
    if environment is not None and not ENVIRONMENT.fullmatch(environment):
        problems.error(file, f"`{environment}` is not an environment name: {ENVIRONMENT_RULE}")
        return None
    return WorkerConfig(
        id=WorkerId(name, environment), directory=file.parent, main=file, source=file
    )
