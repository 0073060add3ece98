"""What a worker may use: its vars, secrets and bindings, as `env.NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping


class Env:
    """Read-only names of one worker; the same object for all its invocations."""

    def __init__(self, worker: str, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)
        self.__dict__["_worker"] = worker

    def __getattr__(self, name: str) -> NoReturn:
        names = ", ".join(sorted(_names(self))) or "nothing"
        raise AttributeError(
            f"env of worker {self._worker} has no {name} (it has {names}); add it to "
            "vars, services or .dev.vars"
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"env is read-only: {name} cannot be set")

    def __repr__(self) -> str:
        return f"Env({', '.join(sorted(_names(self)))})"  # names only: values may be secrets


def replace_names(env: Env, values: Mapping[str, Any]) -> None:
    """Let `env` hold `values` and nothing else, from the next look at it on."""
    worker = env.__dict__["_worker"]
    env.__dict__.clear()
    env.__dict__.update(values)
    env.__dict__["_worker"] = worker


def _names(env: Env) -> list[str]:
    return [name for name in env.__dict__ if name != "_worker"]
