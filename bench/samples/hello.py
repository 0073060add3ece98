"""The smallest worker there is."""

from workers import Response


async def on_fetch() -> Response:
    return Response("Hello")
