"""What worker code may catch.

    CallError                       a call over a binding did not get an answer
    ├── ServiceUnavailable          nobody answers for the target just now
    │   └── LinkLost                the connection was lost meanwhile: the call may have run
    ├── DeadlineExceeded            the time for the call is over
    ├── NotBound                    the caller does not hold the binding, or no longer
    ├── InvocationLimitExceeded     one public request caused too many invocations
    ├── NoInvocationError           the call was made outside the handling of a request
    └── RemoteError                 the callee's handler raised; also an instance of the callee's
                                    exception class where that class is known on both sides
    BodyError (an OSError)          a body cannot be read
    ├── BodyUsedError               it was read, or handed over, before
    ├── BodyLimitError              it is larger than the limit named in the message
    └── BodyClosedError             its invocation is over, or its producer broke off

An answer with any status is a `Response`, never an exception. What operators see is in
`mesh.errors`; `mesh.wire.failures` says how a `CallError` looks to the public.
"""

from __future__ import annotations

from typing import ClassVar


class CallError(Exception):
    """A call over a binding that got no answer.

    `kind` is the word for it in logs and in the public header `x-mesh-error`; `caller`, `binding`
    and `target` name the call (a worker as `name` or `name@environment`; None where not known).
    """

    kind: ClassVar[str] = "call_failed"

    def __init__(
        self,
        message: str,
        *,
        caller: str | None = None,
        binding: str | None = None,
        target: str | None = None,
    ) -> None:
        super().__init__(message)
        self.caller = caller
        self.binding = binding
        self.target = target


class ServiceUnavailable(CallError):
    """Nobody answers for the target of the binding just now; the message says why."""

    kind = "unavailable"


class LinkLost(ServiceUnavailable):
    """The connection to the callee was lost while the call was under way; it may have run."""

    kind = "link_lost"


class DeadlineExceeded(CallError):
    """The time for the call is over; the callee may have run."""

    kind = "deadline"


class NotBound(CallError):
    """The binding was removed, or is not granted; the message says how to set it."""

    kind = "not_bound"


class InvocationLimitExceeded(CallError):
    """One public request caused more invocations than the limit; the message shows the path."""

    kind = "invocation_limit"


class NoInvocationError(CallError):
    """Only the handling of a request can do this: it was tried at import, or in a foreign task."""

    kind = "no_invocation"


class RemoteError(CallError):
    """The callee's handler raised.

    `remote_class` is the name of the exception's class over there. Where that class is a builtin,
    or comes from an installed package, the error is an instance of it as well, so that
    `except ValueError` and `except CallError` both catch it. It never carries the callee's frames.
    """

    kind = "exception"
    remote_class: str = "Exception"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BodyError(OSError):
    """A body cannot be read."""


class BodyUsedError(BodyError):
    """The body was read, or handed to somebody else, before."""

    def __init__(self, message: str = "Body already used") -> None:
        super().__init__(message)


class BodyLimitError(BodyError):
    """The body is larger than the limit that the message names."""


class BodyClosedError(BodyError):
    """The rest of the body is gone: its invocation is over, or its producer broke off."""
