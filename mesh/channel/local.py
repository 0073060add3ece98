"""The channel to a worker in the same process: a plain await, with the manners of a remote call.

The callee gets a request of its own, with its own headers and the caller's body handed over. It
does not choose the callee, and sets no limits; running the handler is the business of `dispatch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mesh.wire.body_failures import from_body_failure, to_body_failure
from workers.body import ByteStream, HandedStream
from workers.context import disown_stream
from workers.errors import BodyClosedError, BodyError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from workers.context import Call
    from workers.request import Request
    from workers.response import Response


class Dispatch(Protocol):
    """Runs a worker's handler and returns a response that is the caller's own."""

    def __call__(self, request: Request, call: Call, props_json: bytes) -> Awaitable[Response]:
        """Raises: CallError."""


class LocalChannel:
    """One binding to an entrypoint of this process."""

    __slots__ = ("_dispatch", "_props_json")

    def __init__(self, dispatch: Dispatch, props_json: bytes) -> None:
        self._dispatch = dispatch
        self._props_json = props_json

    def call(self, request: Request, call: Call) -> Awaitable[Response]:
        """Hand `request` over and run the callee. Raises: CallError, BodyUsedError."""
        own = request._hand_over()
        if isinstance(own._body, ByteStream):
            disown_stream(own._body)
            own._body = HandedStream(own._body, for_callee)
        return self._dispatch(own, call, self._props_json)


def for_callee(error: BaseException) -> Exception:
    """What the callee's reader gets when the caller's body fails."""
    if isinstance(error, BodyError):
        return from_body_failure(to_body_failure(error))
    return BodyClosedError(f"the caller's body broke off: {type(error).__name__}")
