"""Service bindings: the capability to call another worker.

`Channel` is the one shape of everything that answers a request. It stands here, in the lowest layer
that uses it; those who implement it need not import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from workers.body import ByteStream
from workers.context import current
from workers.errors import NoInvocationError
from workers.request import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from workers.body import BodyInit
    from workers.context import Call
    from workers.headers import HeadersInit
    from workers.response import Response


class Channel(Protocol):
    """Anything that answers a request."""

    def call(self, request: Request, call: Call) -> Awaitable[Response]:
        """Answer `request`, whose body belongs to the channel from now on. Raises: CallError."""


class ServiceBinding:
    """`env.NAME` of a service binding. The same object for all invocations of its worker."""

    __slots__ = ("_channel", "_name")

    def __init__(self, name: str, channel: Channel) -> None:
        self._name = name
        self._channel = channel

    async def fetch(
        self,
        resource: str | Request,
        /,
        *,
        method: str | None = None,
        headers: HeadersInit = None,
        body: BodyInit = None,
        redirect: str | None = None,
    ) -> Response:
        """Call the bound worker's `fetch` handler and return its response, whatever its status.

        `resource` is a request, whose body goes along, or a URL, of which a path is enough: its
        host is only something for the callee to read.

        Raises: CallError where there is no answer; TypeError for a wrong argument; BodyUsedError.
        """
        if (
            method
            or headers is not None
            or body is not None
            or redirect
            or isinstance(resource, str)
        ):
            resource = Request(
                resource, method=method, headers=headers, body=body, redirect=redirect
            )
        elif not isinstance(resource, Request):
            raise TypeError(f"fetch() needs a URL or a Request, not {type(resource).__name__}")
        context = current.get(None)
        if context is None:
            raise NoInvocationError(f"env.{self._name} can only be called while a worker runs")
        response = await self._channel.call(resource, context._child_call(self._name))
        if isinstance(response._body, ByteStream):
            await context._receive(response._body)
        return response

    def __repr__(self) -> str:
        return f"ServiceBinding({self._name})"  # where it leads may change at any moment

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"binding {self._name} offers fetch() only; methods over bindings are not there yet"
            f" ({name!r})"
        )
