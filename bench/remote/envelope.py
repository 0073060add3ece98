"""The small call that every system makes, and the pieces of which every stream consists."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH = "/verify?token=abc"
REQUEST_FIELDS = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "bench/1.0 (measure)",
    "x-request-id": "0123456789abcdef0123456789abcdef",
    "accept-language": "en-GB,en;q=0.9",
}
RESPONSE_FIELDS = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "etag": '"0123456789abcdef"',
    "x-served-by": "auth",
    "vary": "accept-encoding",
}
BODY = b"x" * 100
"""Of the request, and of the answer."""

CHUNK_BYTES = 64 * 1024
"""What a stream is made of: about what reading from a socket gives."""


class WrongAnswerError(Exception):
    """A callee did not answer as it must; the figures would mean nothing."""


async def chunks(length: int) -> AsyncIterator[bytes]:
    """`length` bytes, which is a multiple of `CHUNK_BYTES`."""
    chunk = b"z" * CHUNK_BYTES
    for _ in range(length // CHUNK_BYTES):
        yield chunk


def check(*, is_right: bool, what: str) -> None:
    """Raises: WrongAnswerError."""
    if not is_right:
        raise WrongAnswerError(what)
