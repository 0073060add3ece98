"""The three ways to write a handler: an entrypoint class, `on_fetch`, and an event listener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.context import current_context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workers.context import Context
    from workers.environment import Env
    from workers.request import Request
    from workers.response import Response


class WorkerEntrypoint:
    """Base of entrypoint classes: `Default` is the worker's own, others are bound to by name.

    A new instance is made for each invocation. Override `fetch(self, request)`.
    """

    ctx: Context
    env: Any

    def __init__(self, ctx: Context, env: Env) -> None:
        self.ctx = ctx
        self.env = env


class FetchEvent:
    """What a service-worker style listener gets; it answers with `respondWith`."""

    type = "fetch"

    def __init__(self, request: Request, context: Context) -> None:
        self.request = request
        self._context = context
        self._answer: Response | Awaitable[Response] | None = None

    def respondWith(self, response: Response | Awaitable[Response]) -> None:  # noqa: N802
        """Answer with a response, or an awaitable of one. Raises: ValueError the second time."""
        if self._answer is not None:
            raise ValueError("respondWith() was already called for this event")
        self._answer = response

    respond_with = respondWith

    def waitUntil(self, awaitable: Awaitable[Any]) -> None:  # noqa: N802
        """`ctx.waitUntil`."""
        self._context.waitUntil(awaitable)

    wait_until = waitUntil

    def passThroughOnException(self) -> None:  # noqa: N802
        """`ctx.passThroughOnException`."""
        self._context.passThroughOnException()


def addEventListener(event: str, handler: Callable[[FetchEvent], Any]) -> None:  # noqa: N802
    """Register the worker's handler in the older, service-worker style.

    A worker that names this function gets its bindings, vars and secrets as globals. The event
    "fetch" is the only one there is here.
    """
    current_context("addEventListener()")._runtime.add_listener(event, handler)


def wait_until(awaitable: Awaitable[Any]) -> None:
    """`ctx.waitUntil` of the invocation that is running."""
    current_context("wait_until()").waitUntil(awaitable)
