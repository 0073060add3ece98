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
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard, TypeVar

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
"""How much of an exception's text its caller gets: it is for people, and must fit into a frame."""

NAME_CHARACTERS: Final = 256
"""The same for the name of a worker, a binding, a module or a class."""

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

_OURS: Final = (*_BY_KIND.values(), RemoteError)

_remote_classes: dict[type[Exception], type[RemoteError]] = {}
"""What stands for a class of exceptions on the caller's side, made when first needed."""

# Classes that mean something to the interpreter when they pass through a coroutine.
_NEVER_IMPERSONATED = (StopIteration, StopAsyncIteration, ExceptionGroup)

E = TypeVar("E", bound=CallError)

Names: TypeAlias = "tuple[str | None, str | None, str | None]"
"""Caller, binding and target."""


def public_status(error: CallError) -> int:
    """The HTTP status that the public gets when `error` ends a request."""
    return _STATUS.get(type(error).kind, 500)


def for_caller(error: BaseException, call: Call, target: str) -> CallError:
    """What the caller of `target` gets when the handler raised `error`.

    Always a new exception without the callee's frames. A CallError that the handler let through
    keeps its class, text and names; anything else becomes a RemoteError, which is an instance of
    the original class too where that is known outside the worker. Raises nothing, whatever the
    code of the worker's class does.
    """
    text = safe_text(error)
    if is_passed_on(error):
        passed = _new(type(error), text, _names_of(error))
        if isinstance(error, RemoteError) and isinstance(passed, RemoteError):
            passed.remote_class = _safe_name(error.remote_class) or ""
        return passed
    module, qualname = _class_name(error, "__module__"), _class_name(error, "__qualname__")
    text = text or qualname.rpartition(".")[2]
    return _remote_error(module, qualname, text, (call.caller, call.binding, target))


def is_passed_on(error: BaseException) -> TypeGuard[CallError]:
    """Whether `error` tells of a call that a handler made and let fail; else it is its own."""
    kind = type(error)  # by identity: a worker's class may call itself anything, and equal to all
    return any(kind is ours for ours in (*_OURS, *_remote_classes.values()))


def to_failure(error: CallError) -> link_pb2.Failure:
    """`error` for the other end of a link, which has no use for frames and foreign attributes."""
    caller, binding, target = _names_of(error)
    failure = link_pb2.Failure(
        kind=type(error).kind,
        message=safe_text(error),
        caller=caller,
        binding=binding,
        target=target,
    )
    if isinstance(error, RemoteError):
        failure.qualname = _safe_name(error.remote_class) or ""
        if type(error) is not RemoteError:  # a plain one stands for a class nobody else knows
            failure.module = _class_name(error, "__module__")
    return failure


def from_failure(failure: link_pb2.Failure) -> CallError:
    """The exception that `failure` stands for, as `for_caller` would have made it here."""
    names = (
        failure.caller if failure.HasField("caller") else None,
        failure.binding if failure.HasField("binding") else None,
        failure.target if failure.HasField("target") else None,
    )
    if failure.kind == RemoteError.kind:
        return _remote_error(failure.module, failure.qualname, failure.message, names)
    # of a kind that this version does not know, the message is still of use
    return _new(_BY_KIND.get(failure.kind, CallError), failure.message, names)


def safe_text(value: object) -> str:
    """`str(value)` as a sendable text, whatever the class of `value` does: it may be a worker's."""
    try:
        return sendable_text(str(value))
    except BaseException:  # noqa: BLE001 - a worker's code: not even SystemExit may end the cell
        return f"{_class_name(value, '__qualname__')} (its text cannot be had)"


def sendable_text(text: str) -> str:
    """`text` cut to what a frame may hold, without what UTF-8 cannot say."""
    return text[:MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()


def _safe_name(value: object) -> str | None:
    """A name for which worker code may have put anything."""
    return None if value is None else safe_text(value)[:NAME_CHARACTERS]


def _class_name(value: object, attribute: str) -> str:
    """`__module__` or `__qualname__` of the class of `value`, which may be a worker's."""
    try:
        return sendable_text(str(getattr(type(value), attribute)))[:NAME_CHARACTERS]
    except BaseException:  # noqa: BLE001 - as above, of a metaclass
        return ""


def _names_of(error: CallError) -> Names:
    return _safe_name(error.caller), _safe_name(error.binding), _safe_name(error.target)


def _new(cls: type[E], text: str, names: Names) -> E:
    """An error with nothing but this, however its class wants to be made."""
    error = cls.__new__(cls)
    error.args = (text,)
    error.caller, error.binding, error.target = names
    return error


def _remote_error(module: str, qualname: str, text: str, names: Names) -> RemoteError:
    """The exception that stands for one of class `module.qualname`.

    The class is looked up among what is loaded here, never imported.
    """
    known = _known_class(module, qualname)
    error = _new(RemoteError if known is None else _remote_class(known), text, names)
    error.remote_class = qualname
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
            _new(both, "", (None, None, None)).remote_class = ""
        except Exception:  # noqa: BLE001 - it wants arguments, is frozen, forbids subclasses, …
            both = RemoteError
        _remote_classes[cls] = both
    return _remote_classes[cls]
