"""Finds the control plane that runs on this host for this user, where none is named.

Nothing is asked of it here; only whether somebody listens.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from mesh.cli.failure import NotAskedError
from mesh.config.overrides import default_state_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_UNIX: Final = "unix:"
_SOCKETS: Final = ("control.sock", "control/control.sock")
"""In the state directory: that of an agent's own control plane, and that of `mesh-control`."""


def find_control(environ: Mapping[str, str], cwd: Path) -> str:
    """The address of the control plane that runs on this host for this user.

    Raises: NotAskedError if there is none, or more than one.
    """
    state_dir = default_state_dir(environ, cwd)
    paths = [state_dir / name for name in _SOCKETS]
    live = [path for path in paths if _listens(path)]
    if len(live) == 1:
        return f"{_UNIX}{live[0]}"
    if live:
        raise NotAskedError(
            f"two control planes run here: {_UNIX}{live[0]} and {_UNIX}{live[1]}; "
            "name one of them with --control"
        )
    raise NotAskedError(
        f"no control plane runs here: nobody listens on {paths[0]} or {paths[1]}; start one with "
        "`mesh-agent start` or `mesh-control start`, or name one with --control or MESH_CONTROL"
    )


def _listens(path: Path) -> bool:
    """Whether somebody accepts connections there; the file alone may be left over."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
