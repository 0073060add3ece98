"""The worker at the other end of the link."""

from bench.remote.envelope import BODY, RESPONSE_FIELDS, chunks
from workers import Request, Response, WorkerEntrypoint


class Small(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        await request.bytes()
        return Response(BODY, headers=RESPONSE_FIELDS)


class Download(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        return Response(chunks(int(request.url.rpartition("/")[2])))


class Upload(WorkerEntrypoint):
    async def fetch(self, request: Request) -> Response:
        count = 0
        if request.body is not None:
            async for chunk in request.body:
                count += len(chunk)
        return Response(str(count))
