"""The name that a call carries for the binding by which it is made."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh.v1.control_pb2 import Target


def binding_id(caller: str, name: str, target: Target) -> str:
    """Differs whenever the binding says something else, so a callee can tell the old from the new.

    Readable in logs, and the same on every host, also without a control plane.
    """
    parts = (target.service, target.environment, target.entrypoint)
    said = b"\0".join([*(part.encode() for part in parts), target.props_json or b"{}"])
    return f"{caller}/{name}/{hashlib.sha256(said).hexdigest()[:16]}"
