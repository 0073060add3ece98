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
    """What all invocations that one public request caused in this process share.

    Over a link goes a share of what is left, and comes back what was used of it.
    """

    limit: int = DEFAULT_INVOCATION_LIMIT
    used: int = 1
    _request_id: str = ""
    public_limit: int = 0
    """The limit of the public request, where `limit` is a share of it."""
    abroad: int = 0
    """Calls over links that are under way."""

    @property
    def lent_limit(self) -> int:
        """The limit for a call that goes over a link now: all that is left if it is alone.

        Calls at once do not know of each other's calls, so each gets less than the one before.
        """
        left = max(0, self.limit - self.used)
        return self.used + (left and max(1, left // (self.abroad + 1)))

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
    closed at its end, `_pending` the `waitUntil` tasks that put this end off. `_is_over` says that
    it has come: code that still runs is on its own.
    """

    _runtime: Runtime
    _call: Call | None
    _props_json: bytes = b"{}"
    _props: Any = None
    _streams: list[ByteStream] | None = None
    _pending: set[asyncio.Task[None]] | None = None
    _is_over: bool = False

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
        child = Call(tree, self._runtime.worker, binding, call, call.deadline)
        if tree.used >= tree.limit:
            path = " → ".join([*child.path, binding])
            limit = tree.public_limit or tree.limit
            raise InvocationLimitExceeded(
                f"one request may cause at most {limit} invocations: {path}",
                caller=self._runtime.worker,
                binding=binding,
            )
        tree.used += 1
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

    async def _receive(self, stream: ByteStream) -> None:
        """Own a body that came in, or close it now if it came too late for that."""
        if self._is_over:
            await self._close_stream(stream)
        else:
            self._own(stream)

    async def _finish(self) -> None:
        """End the invocation: its response is done. The last `waitUntil` task may put it off."""
        if self._pending:
            self._runtime.cut_later(self)
            return
        await self._close_streams()

    async def _close_streams(self) -> None:
        self._is_over = True
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
    """Two branches of `stream`, both closed at the end of the current invocation.

    After that end `stream` is either closed itself, or nobody's but the worker's own.
    """
    context = current.get(None)
    if context is None:
        return tee(stream, DEFAULT_BODY_LIMIT_BYTES)
    disown_stream(stream)
    branches = tee(stream, context._runtime.body_limit_bytes)
    for branch in () if context._is_over else branches:
        context._own(branch)
    return branches
