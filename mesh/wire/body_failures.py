"""How a body that breaks off on one side of a link is reported to its reader on the other.

The reader gets the class of `workers.errors` that a callee in the same process would get; what the
caller's own code raised is named, not quoted.
"""

from __future__ import annotations

from typing import Final

from mesh.v1 import link_pb2
from mesh.wire.failures import safe_text
from workers.errors import BodyClosedError, BodyError, BodyLimitError, BodyUsedError

_BY_KIND: Final[dict[str, type[BodyError]]] = {
    "body": BodyError,
    "closed": BodyClosedError,
    "limit": BodyLimitError,
    "used": BodyUsedError,
}
_KINDS: Final = {cls: kind for kind, cls in _BY_KIND.items()}


def to_body_failure(error: Exception) -> link_pb2.BodyFailure:
    """`error`, which ended the reading of a body, for the other end of a link."""
    return link_pb2.BodyFailure(
        kind=_KINDS.get(type(error), "closed"),  # type: ignore[arg-type]  # others are not in it
        message=safe_text(error),
    )


def from_body_failure(failure: link_pb2.BodyFailure) -> BodyError:
    """The error that the reader of the body gets."""
    return _BY_KIND.get(failure.kind, BodyClosedError)(failure.message)
