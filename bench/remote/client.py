"""What a caller needs of a system that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


@dataclass(slots=True)
class Flow:
    """How many bytes of streams have come so far."""

    received: int = 0


class Client(Protocol):
    """One system's way to one address. All raise WrongAnswerError, or what their library raises."""

    async def call(self) -> None:
        """One small call; the answer is read and checked."""

    async def download(self, length: int, flow: Flow) -> None:
        """Read a body of `length` bytes."""

    async def upload(self, length: int) -> None:
        """Send a body of `length` bytes; the answer is how many came."""


class Connect(Protocol):
    """Makes a client for an address, "HOST:PORT" or "unix:PATH"."""

    def __call__(self, address: str, *, tls: bool) -> AbstractAsyncContextManager[Client]:
        """The client, and the end of its connections."""
