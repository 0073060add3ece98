"""All links of a cell to others: one to each endpoint, dialled when a call needs it.

A link that leaves or is lost is replaced by the next call; nothing is dialled again for its own
sake, so a peer that is back is found by the first call that wants it.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Final

from mesh.channel.driver import Timing
from mesh.channel.link import Link
from mesh.wire.dialler import DiallerEnd

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine
    from typing import Self

    from mesh.routing.endpoint import Endpoint
    from mesh.transport.channels import Credentials

CANCEL_SECONDS: Final = 1.0
"""What closing waits for links that have nothing open to say goodbye."""


class Links:
    """The calling side of a cell. Use as `async with`. Without `credentials` it is plaintext."""

    def __init__(
        self,
        *,
        agent: str,
        cell: str,
        timing: Timing | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self._agent = agent
        self._cell = cell
        self._timing = Timing() if timing is None else timing
        self._credentials = credentials
        self._links: dict[str, Link] = {}
        self._failing: set[str] = set()
        self._running: dict[Link, asyncio.Task[None]] = {}
        self._uploads: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._tasks = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    @property
    def is_closed(self) -> bool:
        """Whether no link can be had."""
        return self._tasks is None

    def link(self, endpoint: Endpoint) -> Link:
        """The link to `endpoint`, a new one where there is none that takes exchanges.

        Not to be called when `is_closed`.
        """
        link = self._links.get(endpoint.id)
        if link is None or not link.end.can_open or link.endpoint.address != endpoint.address:
            if link is not None:
                link.leave("replaced")
                if link.end.is_peer_leaving:
                    self._failing.add(endpoint.id)
            link = self._dial(endpoint)
        return link

    def _dial(self, endpoint: Endpoint) -> Link:
        end = DiallerEnd(self._agent, self._cell)
        link = Link(endpoint, end, self._timing, self._credentials, self._start_upload)
        self._links[endpoint.id] = link
        self._running[link] = task = self._start(link.run())
        task.add_done_callback(lambda _: self._forget(link))
        return link

    def _start(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        assert self._tasks is not None, "links are used outside `async with`"
        # in a context that is not that of the call which happens to be the first
        return self._tasks.create_task(coroutine, context=Context())

    def _start_upload(self, coroutine: Coroutine[None, None, None]) -> None:
        task = self._start(coroutine)
        self._uploads.add(task)
        task.add_done_callback(self._uploads.discard)

    def _forget(self, link: Link) -> None:
        link.lose("the link was closed")  # if it was cancelled before it began to run
        del self._running[link]
        name = link.endpoint.id
        if self._links.get(name) is link:
            del self._links[name]
            if link.has_failed:
                self._failing.add(name)
            else:
                self._failing.discard(name)

    def is_failing(self, endpoint: Endpoint) -> bool:
        """Whether the last link to it failed, and no other works yet."""
        if endpoint.id not in self._failing:
            return False
        link = self._links.get(endpoint.id)
        return link is None or not link.is_connected

    def retain(self, endpoint_ids: Collection[str]) -> None:
        """Retire the links to all other endpoints: they close after their exchanges."""
        for name in self._links.keys() - set(endpoint_ids):
            self._links.pop(name).leave("the endpoint is no longer part of the mesh")
        self._failing.intersection_update(endpoint_ids)

    async def drain(self, timeout_seconds: float) -> None:
        """Let every link end after its exchanges, at most `timeout_seconds`; then cut them."""
        for link in self._running:
            link.leave("the cell is stopping")
        if self._running:
            await asyncio.wait(self._running.values(), timeout=timeout_seconds)
        for task in self._running.values():
            task.cancel()

    async def aclose(self) -> None:
        """Cut what is still open. May be called twice."""
        tasks, self._tasks = self._tasks, None
        if tasks is None:
            return
        try:
            for link in self._running:
                if link.end.exchanges:
                    self._running[link].cancel()
            await self.drain(CANCEL_SECONDS)
        finally:
            for task in self._uploads:  # whose source is slow to close
                task.cancel()
            await tasks.__aexit__(None, None, None)
