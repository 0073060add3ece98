"""The application behind the gateway: shows what it was asked. Private."""

from urllib.parse import urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        url = urlsplit(request.url)
        return Response.from_json(
            {
                "message": self.env.GREETING,
                "method": request.method,
                "path": url.path,
                "query": url.query,
                "body": await request.text(),
            }
        )
