"""Bodies: bytes that can be read once, all at once or as a stream.

A `ByteStream` is the one kind of stream; its subclasses differ in where the bytes come from. `Body`
is what `Request` and `Response` have in common. A body held as `bytes` never becomes a stream
unless somebody asks for one, so that small messages stay cheap. `tee.py` copies streams.
"""

from __future__ import annotations

import asyncio
import json
from codecs import BOM_UTF8
from collections.abc import AsyncIterable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

from workers._trampoline import StrayExitError, run_in
from workers.errors import BodyClosedError, BodyUsedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

Data: TypeAlias = bytes  # `bytes` is also the name of a method below
_IN_MEMORY = (str, bytes, bytearray, memoryview)
_JSON_HINT = {"Request": "json.dumps(...)", "Response": "Response.from_json(...)"}
BodyInit: TypeAlias = "str | bytes | bytearray | memoryview | AsyncIterable[bytes | str] | None"


class ByteStream:
    """A one-shot stream of non-empty chunks of bytes: an asynchronous iterator.

    `length` is the number of bytes to come in all, None where that is not known. `used` says
    whether somebody began to read. Reading on after the end gives nothing more; reading on after
    `aclose` raises BodyClosedError.
    """

    __slots__ = ("_closed", "_ended", "length", "used")

    def __init__(self, length: int | None = None) -> None:
        self.length = length
        self.used = False
        self._ended = False
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def _next(self) -> Data:
        """The next chunk, b"" at the end."""
        raise NotImplementedError

    async def _close(self) -> None:
        """Release the source; called once."""

    async def __anext__(self) -> Data:
        self.used = True
        if self._ended:
            raise StopAsyncIteration
        if self._closed:
            raise BodyClosedError("the body was closed before it was read to its end")
        chunk = await self._next()
        if chunk:
            return chunk
        self._ended = True
        await self.aclose()
        raise StopAsyncIteration

    async def read(self) -> Data:
        """Everything that is left."""
        return b"".join([chunk async for chunk in self])

    async def aclose(self) -> None:
        """Stop the stream and its source. May be called twice."""
        if not self._closed:
            self._closed = True
            await self._close()


class BytesStream(ByteStream):
    """A stream of bytes that are here already."""

    __slots__ = ("_data",)

    def __init__(self, data: Data) -> None:
        super().__init__(len(data))
        self._data = data

    async def _next(self) -> Data:
        data, self._data = self._data, b""
        return data


class _UsedStream(ByteStream):
    """What is left of a body that was read, or handed over, before anybody asked for a stream."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self.used = True

    async def _next(self) -> Data:
        raise BodyUsedError


class IterableStream(ByteStream):
    """A stream of what worker code yields, run in the context in which the stream was made."""

    __slots__ = ("_broken", "_context", "_iterator", "_reading")

    def __init__(self, iterable: AsyncIterable[bytes | str]) -> None:
        super().__init__()
        self._context = copy_context()
        self._iterator = iterable.__aiter__()
        self._broken = False
        self._reading = False

    async def _next(self) -> Data:
        if self._broken:  # a generator that was cancelled just ends: never take that for the end
            raise BodyClosedError("the producer of the body broke off")
        self._broken = self._reading = True
        try:
            chunk = await self._skip_empty()
        except StopAsyncIteration:
            chunk = b""
        except StrayExitError as error:
            raise BodyClosedError("the producer of the body was cancelled") from error
        finally:
            self._reading = False
            if self._closed:
                await self._close()
        self._broken = False
        return chunk

    async def _skip_empty(self) -> Data:
        while True:
            chunk = to_bytes(await run_in(self._context, self._iterator.__anext__))
            if chunk:
                return chunk

    async def _close(self) -> None:
        if self._reading:  # a generator that runs cannot be closed: its reader does so afterwards
            return
        aclose = getattr(self._iterator, "aclose", None)
        if aclose is not None:
            await run_in(self._context, aclose)


class HandedStream(ByteStream):
    """A stream that crossed from one worker to another.

    The other side's errors are mapped by `on_error`, which returns the error to raise here.
    """

    __slots__ = ("_on_error", "_source")

    def __init__(self, source: ByteStream, on_error: Callable[[BaseException], Exception]) -> None:
        super().__init__(source.length)
        self._source = source
        self._on_error = on_error

    async def _next(self) -> Data:
        try:
            return await anext(self._source, b"")
        except (asyncio.CancelledError, GeneratorExit):  # the reader's own
            raise
        except BaseException as error:  # noqa: BLE001 - another worker's, be it SystemExit
            failure = self._on_error(error)
        raise failure

    async def _close(self) -> None:
        await self._source.aclose()


class Body:
    """What a request and a response have in common: a body that can be read once."""

    __slots__ = ("_body", "_used")
    _body: Data | ByteStream | None
    _used: bool

    @property
    def body(self) -> ByteStream | None:
        """The body as a stream, None where there is none. The same object each time."""
        body = self._body
        if isinstance(body, Data):
            self._body = body = _UsedStream() if self._used else BytesStream(body)
        return body

    @property
    def body_used(self) -> bool:
        """Whether the body was read, at least in part, or handed over."""
        return self._used or (isinstance(self._body, ByteStream) and self._body.used)

    bodyUsed = body_used  # noqa: N815 - JavaScript's name

    def _take(self) -> Data | ByteStream | None:
        """The body, which nobody else can have after this. Raises: BodyUsedError."""
        body = self._body
        if body is None:
            return None
        if self._used or (type(body) is not Data and body.used):  # type: ignore[union-attr]
            raise BodyUsedError
        self._used = True
        return body

    async def bytes(self) -> Data:
        """The whole body. Raises: BodyUsedError."""
        body = self._take()
        if isinstance(body, ByteStream):
            return await body.read()
        return b"" if body is None else body

    async def text(self) -> str:
        """The whole body as UTF-8 text; what is not UTF-8 is replaced. Raises: BodyUsedError."""
        return (await self.bytes()).removeprefix(BOM_UTF8).decode("utf-8", "replace")

    async def json(self, **loads_options: Any) -> Any:
        """The whole body parsed as JSON. Raises: BodyUsedError, json.JSONDecodeError."""
        return json.loads(await self.text(), **loads_options)


def to_bytes(chunk: object) -> Data:
    """Bytes of one chunk of a stream. Raises: TypeError."""
    if type(chunk) is bytes:
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, bytes | bytearray | memoryview):
        return bytes(chunk)
    raise TypeError(f"a body stream must yield bytes or text, not {type(chunk).__name__}")


def to_body(init: object, owner: str) -> Data | ByteStream | None:
    """What users pass as a body, as this package keeps it.

    Raises: TypeError naming `owner`; BodyUsedError for a stream that somebody began to read.
    """
    if init is None:
        return None
    if isinstance(init, _IN_MEMORY):  # first: the rest is slow to test
        return to_bytes(init)
    if isinstance(init, ByteStream):
        if init.used:
            raise BodyUsedError
        return init
    if isinstance(init, AsyncIterable):
        return IterableStream(init)
    hint = f"; use {_JSON_HINT[owner]}" if isinstance(init, dict | list) else ""
    raise TypeError(f"Unsupported type in {owner}: {type(init).__name__}{hint}")
