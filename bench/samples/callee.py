"""Handlers that do next to nothing, so that what is measured is the way to them."""

import asyncio

from workers import Request, Response, WorkerEntrypoint


class Plain(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:  # noqa: ARG002 - a handler's shape
        return Response("ok")


class Reading(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        await request.bytes()
        return Response("ok")


class Suspending(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:  # noqa: ARG002 - a handler's shape
        await asyncio.sleep(0)
        return Response("ok")
