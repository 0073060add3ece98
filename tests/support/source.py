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
        self.is_closed = False

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            for number in range(self.chunks):
                await asyncio.sleep(0)
                self.sent += 1
                yield b"%d," % number
        finally:
            self.is_closed = True


def post(source: Source) -> Request:
    return Request("http://test/", method="POST", body=source.stream())
