"""The failure table: how a failed call is named, raised and shown to the public.

    kind               class in worker code        public status
    exception          RemoteError                 500
    invocation_limit   InvocationLimitExceeded     500
    no_invocation      NoInvocationError           500
    call_failed        CallError                   500
    unavailable        ServiceUnavailable          503

The public sees the status and the kind only; names and reasons go to the log. This module also
turns what a callee's handler raised into what its caller gets.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from workers.errors import CallError, RemoteError, ServiceUnavailable

if TYPE_CHECKING:
    from workers.context import Call

PRIVATE_PACKAGE_PREFIX = "_w_"
"""How the package of every worker begins; its classes are nobody else's business."""

_STATUS = {ServiceUnavailable.kind: 503}

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
        for name in qualname.split("."):
            found = getattr(found, name, None)
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
