"""Says whether a request may pass. Private: only a binding reaches it."""

import hmac

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        token = request.headers["x-custom-token"] or ""
        if hmac.compare_digest(token.encode(), self.env.SECRET_TOKEN.encode()):
            return Response("Request allowed", status=200)
        return Response("x-custom-token does not match, request not allowed", status=403)
