"""A worker with bindings to `callee`; the benchmark runs its batches as handlers of it."""

from workers import Response


async def on_fetch() -> Response:
    return Response("")
