"""The application behind the gateway: shows what it was asked. Private."""

from urllib.parse import urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        url = urlsplit(request.url)
        body = await request.text()
        return Response(
            f"{self.env.GREETING}\nmethod: {request.method}\npath: {url.path}\n"
            f"query: {url.query}\nbody: {body}\n"
        )
