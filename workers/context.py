"""The invocation: one run of a worker's handler, and what belongs to it.

`Context` is what authors know as `ctx`. The one ContextVar of the project holds the current one, so
that long-lived objects such as bindings find the invocation on whose behalf they are used. What
a host must offer to the SDK is the protocol `Runtime`; nothing here finds or runs workers.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from workers.errors import InvocationLimitExceeded, NoInvocationError
from workers.tee import tee

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workers.binding import Channel
    from workers.body import ByteStream
    from workers.environment import Env

logger = logging.getLogger(__name__)

DEFAULT_BODY_LIMIT_BYTES = 100 * 1024 * 1024
DEFAULT_INVOCATION_LIMIT = 32  # Cloudflare, "Service bindings: limits"


class Tree(msgspec.Struct):
    """What all invocations caused by one public request share."""

    limit: int = DEFAULT_INVOCATION_LIMIT
    used: int = 1
    _request_id: str = ""

    @property
    def request_id(self) -> str:
        """A name for the request in logs and error answers, made up when first asked for."""
        if not self._request_id:
            self._request_id = secrets.token_hex(8)
        return self._request_id


class Call(msgspec.Struct, frozen=True):
    """What travels with a request through the channels: who calls, and on behalf of what.

    `caller` is None where the public is. `parent` is the call that the caller is itself answering.
    `deadline` is the time of this process's event loop by which it must be answered; None is never.
    """

    tree: Tree
    caller: str | None = None
    binding: str | None = None
    parent: Call | None = None
    deadline: float | None = None

    @property
    def path(self) -> list[str]:
        """The workers on the way here, the first one first."""
        names = []
        call: Call | None = self
        while call is not None and call.caller is not None:
            names.append(call.caller)
            call = call.parent
        return names[::-1]


class Runtime(Protocol):
    """What the host of a worker offers to the SDK."""

    worker: str
    """The worker, as `name` or `name@environment`."""
    package: str
    """The package in `sys.modules` that holds the worker's modules."""
    env: Env
    outbound: Channel
    """Where the global `fetch()` goes."""
    body_limit_bytes: int

    def add_listener(self, event: str, handler: Callable[[Any], Any]) -> None:
        """Register a service-worker style handler."""

    def wait_until(self, context: Context, awaitable: Awaitable[Any]) -> None:
        """Keep `awaitable` running past the response."""

    def cut_later(self, context: Context) -> None:
        """The response is done: what still runs for it gets its last grace period."""


class Context(msgspec.Struct, eq=False):
    """One invocation, as worker code sees it (`ctx`).

    `_call` is None while the worker's module is being imported. `_streams` are the bodies to be
    closed at its end, `_pending` the `waitUntil` tasks that put this end off.
    """

    _runtime: Runtime
    _call: Call | None
    _props_json: bytes = b"{}"
    _props: Any = None
    _streams: list[ByteStream] | None = None
    _pending: set[asyncio.Task[None]] | None = None

    @property
    def props(self) -> Any:
        """The properties that the deployer attached to the binding; a copy of this call's own."""
        if self._props is None:
            self._props = msgspec.json.decode(self._props_json)
        return self._props

    @property
    def caller(self) -> str | None:
        """The worker that called (`name` or `name@environment`); None for the public."""
        return None if self._call is None else self._call.caller

    def waitUntil(self, awaitable: Awaitable[Any]) -> None:  # noqa: N802 - Cloudflare's name
        """Let `awaitable` go on after the response was sent, for up to 30 s by default."""
        self._runtime.wait_until(self, awaitable)

    wait_until = waitUntil

    def passThroughOnException(self) -> None:  # noqa: N802 - Cloudflare's name
        """Nothing: there is no origin behind a worker here that could answer instead of it."""

    def _child_call(self, binding: str) -> Call:
        """The call of `binding` by this invocation, counted. Raises: InvocationLimitExceeded."""
        call = self._call
        if call is None:
            raise NoInvocationError(
                f"env.{binding} was called while the module was being imported; "
                "call it from a handler",
                caller=self._runtime.worker,
                binding=binding,
            )
        tree = call.tree
        tree.used += 1
        child = Call(tree, self._runtime.worker, binding, call, call.deadline)
        if tree.used > tree.limit:
            path = " → ".join([*child.path, binding])
            raise InvocationLimitExceeded(
                f"one request caused more than {tree.limit} invocations: {path}",
                caller=self._runtime.worker,
                binding=binding,
            )
        return child

    def _outside_call(self) -> Call:
        """The call of the global `fetch()`, which is no invocation of a worker."""
        call = self._call
        if call is None:
            raise NoInvocationError(
                "fetch() was called while the module was being imported; call it from a handler",
                caller=self._runtime.worker,
            )
        return Call(call.tree, self._runtime.worker, "fetch", call, call.deadline)

    def _own(self, stream: ByteStream) -> None:
        """Close `stream` when this invocation ends."""
        if self._streams is None:
            self._streams = []
        self._streams.append(stream)

    async def _finish(self) -> None:
        """End the invocation: its response is done. The last `waitUntil` task may put it off."""
        if self._pending:
            self._runtime.cut_later(self)
            return
        await self._close_streams()

    async def _close_streams(self) -> None:
        while self._streams:
            try:
                await self._close_stream(self._streams.pop())
            except asyncio.CancelledError:
                await self._close_streams()
                raise

    async def _close_stream(self, stream: ByteStream) -> None:
        """Close a stream whose producer may be user code: what that raises goes to the log."""
        try:
            await stream.aclose()
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException:  # not even SystemExit may end the cell
            logger.exception("body.close_failed", extra={"worker": self._runtime.worker})


current: ContextVar[Context] = ContextVar("workers.current")


def current_context(what: str) -> Context:
    """The invocation that is running. Raises: NoInvocationError naming `what` needed it."""
    try:
        return current.get()
    except LookupError:
        raise NoInvocationError(f"{what} is only there while a worker runs") from None


def disown_stream(stream: ByteStream) -> None:
    """The current invocation hands `stream` to another one, which closes it at its own end."""
    context = current.get(None)
    if context is not None and context._streams and stream in context._streams:
        context._streams.remove(stream)


def clone_stream(stream: ByteStream) -> tuple[ByteStream, ByteStream]:
    """Two branches of `stream`, both closed at the end of the current invocation."""
    context = current.get(None)
    if context is None:
        return tee(stream, DEFAULT_BODY_LIMIT_BYTES)
    disown_stream(stream)
    branches = tee(stream, context._runtime.body_limit_bytes)
    for branch in branches:
        context._own(branch)
    return branches
