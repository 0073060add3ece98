"""The failure table: how a failed call is named, raised, sent and shown to the public.

    kind               class in worker code        public status
    exception          RemoteError                 500
    invocation_limit   InvocationLimitExceeded     500
    no_invocation      NoInvocationError           500
    not_bound          NotBound                    500
    call_failed        CallError                   500
    unavailable        ServiceUnavailable          503
    link_lost          LinkLost                    503
    deadline           DeadlineExceeded            504

The public sees the status and the kind only; names and reasons go to the log. This module also
turns what a callee's handler raised into what its caller gets, in this process (`for_caller`) and
across a link (`to_failure`, then `from_failure`). Bodies that break off are in `body_failures.py`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from mesh.v1 import link_pb2
from workers.errors import (
    CallError,
    DeadlineExceeded,
    InvocationLimitExceeded,
    LinkLost,
    NoInvocationError,
    NotBound,
    RemoteError,
    ServiceUnavailable,
)

if TYPE_CHECKING:
    from workers.context import Call

PRIVATE_PACKAGE_PREFIX = "_w_"
"""How the package of every worker begins; its classes are nobody else's business."""

MESSAGE_CHARACTERS: Final = 4096
"""How much of an exception's text crosses a link: it is for people, and must fit into a frame."""

_STATUS = {ServiceUnavailable.kind: 503, LinkLost.kind: 503, DeadlineExceeded.kind: 504}

_BY_KIND: Final[dict[str, type[CallError]]] = {
    cls.kind: cls
    for cls in (
        CallError,
        DeadlineExceeded,
        InvocationLimitExceeded,
        LinkLost,
        NoInvocationError,
        NotBound,
        ServiceUnavailable,
    )
}

_remote_classes: dict[type[Exception], type[RemoteError]] = {}
"""What stands for a class of exceptions on the caller's side, made when first needed."""

# Classes that mean something to the interpreter when they pass through a coroutine.
_NEVER_IMPERSONATED = (StopIteration, StopAsyncIteration, ExceptionGroup)


def public_status(error: CallError) -> int:
    """The HTTP status that the public gets when `error` ends a request."""
    return _STATUS.get(type(error).kind, 500)


def for_caller(error: BaseException, call: Call, target: str) -> CallError:
    """What the caller of `target` gets when the handler raised `error`.

    Always a new exception without the callee's frames. A CallError that the handler let through
    keeps its class and data; anything else becomes a RemoteError, which is an instance of the
    original class too where that is known outside the worker.
    """
    if is_passed_on(error):
        passed = type(error).__new__(type(error))
        passed.args = error.args
        passed.__dict__.update(error.__dict__)
        return passed
    return remote_error(
        type(error).__module__,
        type(error).__qualname__,
        str(error) or type(error).__name__,
        call=call,
        target=target,
    )


def is_passed_on(error: BaseException) -> TypeGuard[CallError]:
    """Whether `error` tells of a call that a handler made and let fail; else it is its own."""
    kind = type(error)
    is_ours = kind.__module__ == CallError.__module__ or kind in _remote_classes.values()
    return is_ours and isinstance(error, CallError)


def to_failure(error: CallError) -> link_pb2.Failure:
    """`error` for the other end of a link, which has no use for frames and foreign attributes."""
    failure = link_pb2.Failure(
        kind=type(error).kind,
        message=sendable_text(str(error)),
        caller=error.caller or "",
        binding=error.binding or "",
        target=error.target or "",
    )
    if isinstance(error, RemoteError):
        failure.qualname = sendable_text(error.remote_class)
        if type(error) is not RemoteError:  # a plain one stands for a class nobody else knows
            failure.module = type(error).__module__
    return failure


def from_failure(failure: link_pb2.Failure, call: Call, target: str) -> CallError:
    """The exception that `failure` stands for, as `for_caller` would have made it here.

    `call` and `target` stand in for names that the failure does not have.
    """
    error: CallError
    if failure.kind == RemoteError.kind:
        error = remote_error(
            failure.module, failure.qualname, failure.message, call=call, target=target
        )
    else:  # of a kind that this version does not know, the message is still of use
        error = _BY_KIND.get(failure.kind, CallError)(failure.message)
    error.caller = failure.caller or call.caller
    error.binding = failure.binding or call.binding
    error.target = failure.target or target
    return error


def sendable_text(text: str) -> str:
    """`text` cut to what a frame may hold, without what UTF-8 cannot say."""
    return text[:MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()


def remote_error(
    module: str, qualname: str, message: str, *, call: Call, target: str
) -> RemoteError:
    """The exception that stands for one of class `module.qualname` raised by `target`.

    The class is looked up among what is loaded here, never imported.
    """
    known = _known_class(module, qualname)
    cls = RemoteError if known is None else _remote_class(known)
    error = cls.__new__(cls)
    error.args = (message,)
    error.remote_class = qualname
    error.caller, error.binding, error.target = call.caller, call.binding, target
    return error


def _known_class(module: str, qualname: str) -> type[Exception] | None:
    found: object = None
    if not module.startswith(PRIVATE_PACKAGE_PREFIX):
        found = sys.modules.get(module)
        for name in qualname.split("."):  # not by getattr, which may run a module's code
            found = getattr(found, "__dict__", {}).get(name)
    if isinstance(found, type) and issubclass(found, Exception):
        return None if issubclass(found, _NEVER_IMPERSONATED) else found
    return None


def _remote_class(cls: type[Exception]) -> type[RemoteError]:
    """RemoteError and `cls` in one, or RemoteError alone where Python cannot combine them."""
    if cls not in _remote_classes:
        try:
            both: Any = type(cls.__name__, (RemoteError, cls), {"__module__": cls.__module__})
            both.__new__(both)  # some cannot be made without arguments
        except TypeError:
            both = RemoteError
        _remote_classes[cls] = both
    return _remote_classes[cls]
