"""One link as its calling end has it: dialled when it is first used, run in a task of its own.

    connecting ──▶ open ──goaway, idle or retired──▶ leaving ──last exchange is over──▶ closed
        └────────────┴──────────────────────────────────┴──the stream fails──▶ lost

It is never dialled twice. A call that finds it unusable asks `Links` for another one.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import TYPE_CHECKING

from mesh.channel.driver import Driver, Timing
from mesh.channel.grpc_stream import dial
from mesh.channel.stream import StreamLostError
from mesh.channel.upload import Upload

if TYPE_CHECKING:
    from mesh.routing.endpoint import Endpoint
    from mesh.transport.channels import Credentials
    from mesh.wire.dialler import DialledExchange, DiallerEnd
    from workers.body import ByteStream

logger = logging.getLogger(__name__)


class Link:
    """The calling end of a link to `endpoint`."""

    def __init__(
        self, endpoint: Endpoint, end: DiallerEnd, timing: Timing, credentials: Credentials | None
    ) -> None:
        self.endpoint = endpoint
        self.end = end
        self._credentials = credentials
        self._timing = timing
        self._connected = asyncio.Event()
        self._uploads: asyncio.TaskGroup | None = None
        self._pending_uploads: list[Upload] = []
        self.has_failed = False
        """Whether it ended without a goodbye."""

    def __repr__(self) -> str:
        return f"<Link to {self.endpoint.agent} at {self.endpoint.address}: {self.end!r}>"

    async def run(self) -> None:
        """Dial, and serve until the link is over. Raises nothing but CancelledError."""
        reason = "the link was closed"
        try:
            async with asyncio.TaskGroup() as self._uploads:
                for upload in self._pending_uploads:
                    self._start(upload)
                try:
                    reason = await self._drive()
                finally:
                    self.end.lose(reason)
                    self._connected.set()
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("link.failed", extra=self._fields())

    async def _drive(self) -> str:
        try:
            address, patience = self.endpoint.address, self._timing.connect_seconds
            async with dial(address, patience, self._credentials) as stream:
                driver = Driver(stream, self.end, self._timing, is_dialler=True)
                self.end.on_empty = driver.wake
                self._connected.set()
                reason = await driver.run()
        except StreamLostError as error:
            reason = str(error)
        self.has_failed = bool(reason)
        if reason:
            logger.warning("link.lost", extra={**self._fields(), "reason": reason})
        return reason

    def _fields(self) -> dict[str, str]:
        return {"agent": self.endpoint.agent, "address": self.endpoint.address}

    @property
    def is_connected(self) -> bool:
        """Whether it has been connected and is not lost."""
        return self._connected.is_set() and not self.end.is_lost

    def upload(self, source: ByteStream, exchange: DialledExchange) -> Upload:
        """Send `source` as the body of `exchange`, in a task of the link."""
        assert exchange.outbound is not None
        upload = Upload(source, exchange.outbound)
        if self._uploads is None:
            self._pending_uploads.append(upload)
        else:
            self._start(upload)
        return upload

    def _start(self, upload: Upload) -> None:
        assert self._uploads is not None
        self._uploads.create_task(upload.run(self._connected), context=Context())

    def leave(self, reason: str) -> None:
        """Take no new exchange, and close when the last one is over."""
        self.end.leave(reason)
