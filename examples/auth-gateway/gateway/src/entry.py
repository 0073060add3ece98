"""The only public worker: asks `auth` about every request before `application` sees it."""

from workers import WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        verdict = await self.env.AUTH.fetch(request.clone())
        if verdict.status != 200:
            return verdict
        return await self.env.APPLICATION.fetch(request)
