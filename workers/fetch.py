"""The global `fetch()`: a request to the outside world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.body import ByteStream
from workers.context import current_context
from workers.request import Request

if TYPE_CHECKING:
    from workers.body import BodyInit
    from workers.headers import HeadersInit
    from workers.response import Response


async def fetch(
    resource: str | Request,
    *,
    method: str | None = None,
    headers: HeadersInit = None,
    body: BodyInit = None,
    redirect: str | None = None,
) -> Response:
    """Fetch an absolute URL from outside the mesh and return the response, whatever its status.

    Raises: OSError where there is no answer; TypeError for a wrong argument; NoInvocationError
    outside the handling of a request.
    """
    if isinstance(resource, str) and resource.startswith("/"):
        raise TypeError(f"Unable to parse URL: {resource}: outside the mesh it must be absolute")
    request = Request(resource, method=method, headers=headers, body=body, redirect=redirect)
    context = current_context("fetch()")
    response = await context._runtime.outbound.call(request, context._outside_call())
    if isinstance(response._body, ByteStream):
        await context._receive(response._body)
    return response
