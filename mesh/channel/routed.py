"""Where a binding leads now.

A binding in a worker's `env` lives as long as the worker; the channel behind it is replaced when
the view of the mesh changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.errors import NotBound, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import NoReturn

    from workers.binding import Channel
    from workers.context import Call
    from workers.request import Request
    from workers.response import Response


class RoutedChannel:
    """The one mutable point of a binding: calls that begin after a change take the new `target`."""

    __slots__ = ("target",)

    def __init__(self, target: Channel) -> None:
        self.target = target

    def call(self, request: Request, call: Call) -> Awaitable[Response]:
        """Pass on to the present target."""
        return self.target.call(request, call)


class UnavailableChannel:
    """The channel of a binding that leads nowhere: every call says why."""

    __slots__ = ("_reason", "_service")

    def __init__(self, service: str, reason: str) -> None:
        self._service = service
        self._reason = reason

    def call(self, request: Request, call: Call) -> NoReturn:  # noqa: ARG002 - the shape of a Channel
        """Raises: ServiceUnavailable."""
        raise ServiceUnavailable(
            f"worker {call.caller} called env.{call.binding}, which is bound to service "
            f"{self._service}: {self._reason}",
            caller=call.caller,
            binding=call.binding,
            target=self._service,
        )


class UnboundChannel:
    """The channel of a binding that was taken away: every call says how to bind it."""

    def call(self, request: Request, call: Call) -> NoReturn:  # noqa: ARG002 - the shape of a Channel
        """Raises: NotBound."""
        raise NotBound(
            f"worker {call.caller} called env.{call.binding}, which is not bound to a service; "
            f"bind it with: meshctl bind {call.caller} {call.binding}=SERVICE",
            caller=call.caller,
            binding=call.binding,
        )
