"""Copying a stream: what `clone()` does to a body that is not in memory.

Two branches read one source. What one has read and the other has not is kept for the other: up to
`MEMORY_BYTES` in memory, then in a temporary file, up to the body limit. A branch that lags further
fails with BodyLimitError; a branch that is closed keeps nothing, so a clone whose body nobody reads
costs nothing. One chunk, however large, is no lag: a branch that waits for it gets it from memory.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque

from workers.body import ByteStream
from workers.errors import BodyClosedError, BodyLimitError

MEMORY_BYTES = 1024 * 1024
"""How far a branch may lag in memory."""

READ_BYTES = 256 * 1024
"""How much is read back from the temporary file at a time."""


def tee(source: ByteStream, limit_bytes: int) -> tuple[ByteStream, ByteStream]:
    """Two streams of the bytes of `source`, which belongs to them from now on."""
    shared = _Tee(source)
    first, second = _Branch(shared, limit_bytes), _Branch(shared, limit_bytes)
    shared.branches = [first, second]
    return first, second


class _Tee:
    """The source and the branches that still want it.

    A branch that needs more starts a pull; the pull is a task, so that a reader that is cancelled
    in the middle takes nothing from the other branch.
    """

    def __init__(self, source: ByteStream) -> None:
        self.source = source
        self.branches: list[_Branch] = []
        self.ended = False
        self.failure: Exception | None = None
        self._pull: asyncio.Task[None] | None = None

    async def advance(self) -> None:
        """Read one chunk for every branch, or notice the end or the failure of the source."""
        if self._pull is None:
            self._pull = asyncio.get_running_loop().create_task(self._pull_once())
        await asyncio.wait([self._pull])

    async def _pull_once(self) -> None:
        try:
            if chunk := await anext(self.source, b""):
                for branch in tuple(self.branches):
                    await branch.backlog.put(chunk)
            else:
                self.ended = True
        except asyncio.CancelledError:  # by `leave`, or the source's own: no reader was cancelled
            self.failure = BodyClosedError("the producer of the body broke off")
            raise
        except Exception as error:  # noqa: BLE001 - each branch raises it in its turn
            self.failure = error
        finally:
            self._pull = None

    async def leave(self, branch: _Branch) -> None:
        self.branches.remove(branch)
        if self.branches:
            return
        try:
            if self._pull is not None:
                self._pull.cancel()
                await asyncio.wait([self._pull])
        finally:
            await self.source.aclose()


class _Branch(ByteStream):
    __slots__ = ("_tee", "backlog")

    def __init__(self, shared: _Tee, limit_bytes: int) -> None:
        super().__init__(shared.source.length)
        self._tee = shared
        self.backlog = _Backlog(limit_bytes)

    async def _next(self) -> bytes:
        while not (chunk := await self.backlog.get()):
            if self._closed:  # while it waited: nothing comes any more
                raise BodyClosedError("the body was closed while it was being read")
            if self._tee.failure is not None:
                raise self._tee.failure
            if self._tee.ended:
                return b""
            await self._tee.advance()
        return chunk

    async def _close(self) -> None:
        self.backlog.close()
        await self._tee.leave(self)


class _Backlog:
    """First in, first out: the oldest bytes in a file once there are too many for memory."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._memory: deque[bytes] = deque()
        self._memory_bytes = 0
        self._file: _SpillFile | None = None
        self._read_bytes = 0
        self._written_bytes = 0
        self._lock = asyncio.Lock()
        self._failure: OSError | None = None
        self._closed = False

    async def put(self, chunk: bytes) -> None:
        """Keep `chunk`; a backlog that cannot keep it fails at its reader, not here."""
        async with self._lock:
            if self._closed or self._failure is not None:
                return
            lag_bytes = self._memory_bytes + self._written_bytes - self._read_bytes
            self._memory.append(chunk)
            self._memory_bytes += len(chunk)
            if lag_bytes and lag_bytes + len(chunk) > self._limit_bytes:
                self._fail(
                    BodyLimitError(
                        f"a clone of the body fell more than {self._limit_bytes} bytes behind "
                        "(limits.body_bytes in mesh.toml): read both at the same pace"
                    )
                )
            elif self._memory_bytes > MEMORY_BYTES and len(self._memory) > 1:
                try:
                    await self._spill()
                except OSError as error:  # the disk is full, or there is none
                    self._fail(error)

    async def _spill(self) -> None:
        block = b"".join(self._memory)
        if self._file is None:
            self._file = await asyncio.to_thread(_SpillFile, self._limit_bytes)
        await asyncio.to_thread(self._file.write, block, self._written_bytes)
        self._written_bytes += len(block)
        self._memory.clear()
        self._memory_bytes = 0
        if self._closed:  # meanwhile
            self._discard()

    async def get(self) -> bytes:
        """The oldest bytes, b"" where there are none. Raises: OSError, BodyLimitError."""
        async with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._file is not None and self._read_bytes < self._written_bytes:
                size = min(READ_BYTES, self._written_bytes - self._read_bytes)
                chunk = await asyncio.to_thread(self._file.read, size, self._read_bytes)
                self._read_bytes += len(chunk)
                if self._read_bytes == self._written_bytes:  # start over: the file stays small
                    self._read_bytes = self._written_bytes = 0
                return chunk
            if not self._memory:
                return b""
            chunk = self._memory.popleft()
            self._memory_bytes -= len(chunk)
            return chunk

    def _fail(self, failure: OSError) -> None:
        self._failure = failure.with_traceback(None)  # whose frames would keep the file open
        self._discard()

    def close(self) -> None:
        self._closed = True
        self._discard()

    def _discard(self) -> None:
        self._memory.clear()
        self._memory_bytes = 0
        self._file = None


class _SpillFile:
    """An unnamed temporary file, used in a circle, closed when its last user lets go of it.

    A reader that is cancelled leaves its thread at work; the thread still holds the file, so its
    descriptor cannot be closed, and given to something else, under it.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        with tempfile.TemporaryFile() as file:
            self._descriptor = os.dup(file.fileno())

    def write(self, block: bytes, position: int) -> None:
        view = memoryview(block)
        while view:
            offset = position % self._capacity_bytes
            written = os.pwrite(self._descriptor, view[: self._capacity_bytes - offset], offset)
            view, position = view[written:], position + written

    def read(self, size: int, position: int) -> bytes:
        offset = position % self._capacity_bytes
        return os.pread(self._descriptor, min(size, self._capacity_bytes - offset), offset)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)
