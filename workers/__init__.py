"""The SDK: what a worker imports, with the names and signatures of Cloudflare's Python Workers.

    from workers import WorkerEntrypoint, Response

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return await self.env.AUTH.fetch(request)

`env` and `waitUntil` are those of the worker that asks for them. Importing this package loads
neither grpc nor an HTTP client or server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.binding import ServiceBinding
from workers.context import Context, current_context
from workers.entrypoints import FetchEvent, WorkerEntrypoint, addEventListener, wait_until
from workers.errors import (
    BodyClosedError,
    BodyError,
    BodyLimitError,
    BodyUsedError,
    CallError,
    DeadlineExceeded,
    InvocationLimitExceeded,
    LinkLost,
    NoInvocationError,
    NotBound,
    RemoteError,
    ServiceUnavailable,
)
from workers.fetch import fetch
from workers.headers import Headers
from workers.request import Request
from workers.response import HttpStatusError, Response

if TYPE_CHECKING:
    env: Any

waitUntil = wait_until  # noqa: N816 - Cloudflare's name

__all__ = [
    # what workers are made of
    "WorkerEntrypoint",
    "Request",
    "Response",
    "Headers",
    "Context",
    "ServiceBinding",
    "FetchEvent",
    # functions, and the worker's own environment
    "fetch",
    "env",
    "addEventListener",
    "wait_until",
    "waitUntil",
    # what can go wrong
    "CallError",
    "ServiceUnavailable",
    "LinkLost",
    "DeadlineExceeded",
    "NotBound",
    "InvocationLimitExceeded",
    "NoInvocationError",
    "RemoteError",
    "BodyError",
    "BodyUsedError",
    "BodyLimitError",
    "BodyClosedError",
    "HttpStatusError",
]


def __getattr__(name: str) -> Any:
    if name == "env":
        return current_context("workers.env")._runtime.env
    raise AttributeError(f"module 'workers' has no attribute {name!r}")
