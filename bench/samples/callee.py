"""Handlers that do next to nothing, so that what is measured is the way to them."""

import asyncio

from workers import Response, WorkerEntrypoint


class Plain(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("ok")


class Reading(WorkerEntrypoint):
    async def fetch(self, request):
        await request.bytes()
        return Response("ok")


class Suspending(WorkerEntrypoint):
    async def fetch(self, request):
        await asyncio.sleep(0)
        return Response("ok")
