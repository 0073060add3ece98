"""One link as its calling end has it: dialled when it is first used, run in a task of its own.

    connecting ──▶ open ──goaway, idle or retired──▶ leaving ──last exchange is over──▶ closed
        └────────────┴──────────────────────────────────┴──the stream fails──▶ lost

It is never dialled twice. A call that finds it unusable asks `Links` for another one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mesh.channel.driver import Driver, Timing
from mesh.channel.grpc_stream import dial
from mesh.channel.stream import StreamLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mesh.channel.upload import Upload
    from mesh.routing.endpoint import Endpoint
    from mesh.transport.channels import Credentials
    from mesh.wire.dialler import DialledExchange, DiallerEnd

logger = logging.getLogger(__name__)


class Link:
    """The calling end of a link to `endpoint`. `start` runs what a body needs as a task."""

    def __init__(
        self,
        endpoint: Endpoint,
        end: DiallerEnd,
        timing: Timing,
        credentials: Credentials | None,
        start: Callable[[Coroutine[None, None, None]], object],
    ) -> None:
        self._start = start
        self.endpoint = endpoint
        self.end = end
        self._credentials = credentials
        self._timing = timing
        self._connected = asyncio.Event()
        self.has_failed = False
        """Whether it ended without a goodbye."""

    def __repr__(self) -> str:
        return f"<Link to {self.endpoint.agent} at {self.endpoint.address}: {self.end!r}>"

    async def run(self) -> None:
        """Dial, and serve until the link is over. Raises nothing but CancelledError."""
        reason = "the link was closed"
        try:
            reason = await self._drive()
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("link.failed", extra=self._fields())
        finally:
            self.lose(reason)

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

    def upload(self, upload: Upload, exchange: DialledExchange) -> None:
        """Send `upload` as the body of `exchange`."""
        outbound = exchange.outbound
        assert outbound is not None
        upload.send_to(outbound)
        if not upload.has_begun:
            self._start(upload.run(outbound, self._connected))

    def lose(self, reason: str) -> None:
        """It is over: nobody waits for it any longer. May be called twice."""
        self.end.lose(reason)
        self._connected.set()

    def leave(self, reason: str) -> None:
        """Take no new exchange, and close when the last one is over."""
        self.end.leave(reason)
