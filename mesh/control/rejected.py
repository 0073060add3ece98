"""Why the control plane does not do what it was asked: data for the services to translate."""

from __future__ import annotations

from enum import Enum

from mesh.errors import MeshError


class Rejection(Enum):
    """The kinds, named after what the asker can do about them."""

    INVALID = "invalid"
    """The request itself is wrong."""

    NOT_FOUND = "not found"
    """What it names is not there."""

    TAKEN = "taken"
    """Something else stands in its way."""

    STALE = "stale"
    """The object has changed since the asker read it."""

    FULL = "full"
    """There is no room to store it; nothing was changed."""

    UNAVAILABLE = "unavailable"
    """It cannot be stored at present; nothing was changed."""


class Rejected(MeshError):
    """A request was not carried out, and changed nothing; the text says what to do."""

    def __init__(self, kind: Rejection, message: str) -> None:
        self.kind = kind
        super().__init__(message)
