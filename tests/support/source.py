"""A streamed upload for tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from workers import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Source:
    """A streamed upload that tells what became of it."""

    def __init__(self, chunks: int = 3) -> None:
        self.chunks = chunks
        self.sent = 0
        self.bytes_sent = 0
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    async def wait_closed(self) -> None:
        async with asyncio.timeout(2):
            await self._closed.wait()

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            for number in range(self.chunks):
                await asyncio.sleep(0)
                self.sent += 1
                chunk = b"%d," % number
                self.bytes_sent += len(chunk)
                yield chunk
        finally:
            self._closed.set()


def post(source: Source) -> Request:
    return Request("http://test/", method="POST", body=source.stream())
