"""Bodies: what they are made of, that they are read once, and how streams end, break and close."""

import asyncio
import json
import math
from contextlib import aclosing
from contextvars import ContextVar

import pytest

from workers import BodyClosedError, BodyUsedError, Request, Response
from workers.body import BytesStream, HandedStream, IterableStream, to_body, to_bytes

NAME: ContextVar[str] = ContextVar("name", default="nobody")


class Chunks:
    """An asynchronous iterator that is no generator; it cannot be closed."""

    def __init__(self, *chunks):
        self._chunks = iter(chunks)

    def __aiter__(self):
        return self

    async def __anext__(self):
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


class Source:
    """A generator's life: how often it began, whether its `finally` ran, and in which context."""

    def __init__(self, *chunks):
        self.chunks = chunks
        self.log = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def generate(self):
        self.log.append(f"began for {NAME.get()}")
        try:
            for chunk in self.chunks:
                await self.gate.wait()
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            self.log.append(f"ended for {NAME.get()}")


async def start(awaitable):
    """A task that has run up to where it has to wait."""
    task = asyncio.ensure_future(awaitable)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def cancel(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def both(body):
    """The body as that of a request and of a response."""
    return [Request("/", method="POST", body=body), Response(body)]


# --- what a body may be made of


@pytest.mark.parametrize(
    "body",
    ["a é", "a é".encode(), bytearray("a é".encode()), memoryview("a é".encode()), "", b""],
    ids=lambda body: type(body).__name__,
)
def test_body_in_memory_is_bytes(body):
    """Text, encoded as UTF-8, and anything bytes-like will do, and is held as bytes."""
    expected = body.encode() if isinstance(body, str) else bytes(body)
    for message in both(body):
        assert type(message._body) is bytes
        assert not message.body_used
        assert asyncio.run(message.bytes()) == expected


def test_body_is_copied_from_what_can_change():
    """Changing a bytearray afterwards does not change the body."""
    data = bytearray(b"ab")
    response = Response(data)
    data[:] = b"xy"
    assert asyncio.run(response.bytes()) == b"ab"


@pytest.mark.parametrize(
    "make",
    [lambda *chunks: Source(*chunks).generate(), Chunks],
    ids=["generator", "iterator"],
)
def test_body_streams_from_asynchronous_iterables(make):
    """Chunks may be text or bytes-like; empty ones are skipped, not taken for the end."""

    async def main():
        chunks = ("a", b"", b"b", "", bytearray(b"c"), memoryview(b"d"), "é")
        for message in (
            Request("/", method="POST", body=make(*chunks)),
            Response(make(*chunks)),
        ):
            read = [chunk async for chunk in message.body]
            assert read == [b"a", b"b", b"c", b"d", "é".encode()]
            assert all(type(chunk) is bytes for chunk in read)

    asyncio.run(main())


def test_body_streams_from_another_body():
    """A stream passes from message to message; whoever reads first has it."""

    async def main():
        request = Request("/", method="POST", body=Chunks("a", "b"))
        response = Response(request.body)
        assert not request.body_used
        assert await response.text() == "ab"
        assert request.body_used
        with pytest.raises(BodyUsedError):
            await request.text()

    asyncio.run(main())


def test_body_that_was_begun_cannot_be_passed_on():
    """A message whose body lacks its first part is refused where it is made."""

    async def main():
        response = Response(Chunks("a", "b"))
        await anext(response.body)
        for body in (response.body, BytesStream(b"x")):
            body.used = True
            with pytest.raises(BodyUsedError, match="Body already used"):
                Response(body)

    asyncio.run(main())


def test_no_body_is_none():
    """None is no body; it reads as nothing, as often as one likes, and is never used."""

    async def main():
        for message in both(None):
            assert message.body is None
            assert await message.bytes() == b""
            assert await message.text() == ""
            assert await message.bytes() == b""
            assert not message.body_used
            assert not message.clone().body_used

    asyncio.run(main())


@pytest.mark.parametrize("body", [1, 1.5, True, object(), {1}, (1,), iter([b"a"]), str])
def test_body_of_the_wrong_type_is_refused(body):
    """The error names the class and the type."""
    for owner in ("Request", "Response"):
        with pytest.raises(TypeError, match=f"Unsupported type in {owner}: {type(body).__name__}$"):
            to_body(body, owner)


@pytest.mark.parametrize("body", [{"a": 1}, [1]])
def test_body_that_looks_like_json_is_refused_with_advice(body):
    """Who passes a dict gets told what makes JSON of it."""
    kind = type(body).__name__
    with pytest.raises(TypeError, match=rf"in Response: {kind}; use Response.from_json\(\.\.\.\)"):
        Response(body)
    with pytest.raises(TypeError, match=rf"in Request: {kind}; use json.dumps\(\.\.\.\)"):
        Request("/", method="POST", body=body)


@pytest.mark.parametrize("chunk", [1, None, ["a"], {"a": 1}])
def test_chunk_of_the_wrong_type_breaks_the_stream(chunk):
    """A stream must yield bytes or text; the generator is closed with the stream."""

    async def main():
        source = Source("a", chunk)
        stream = Response(source.generate()).body
        assert await anext(stream) == b"a"
        with pytest.raises(TypeError, match=f"bytes or text, not {type(chunk).__name__}"):
            await anext(stream)
        with pytest.raises(BodyClosedError):
            await anext(stream)
        await stream.aclose()
        assert source.log[-1] == "ended for nobody"

    asyncio.run(main())


def test_to_bytes_gives_exact_bytes():
    """Subclasses of bytes and str do not leak into the rest of the mesh."""

    class Text(str):
        __slots__ = ()

    class Octets(bytes):
        __slots__ = ()

    for chunk in (Text("a"), Octets(b"a")):
        assert type(to_bytes(chunk)) is bytes


# --- reading


@pytest.mark.parametrize("read", ["bytes", "text", "json"])
@pytest.mark.parametrize("again", ["bytes", "text", "json", "clone", "_hand_over"])
@pytest.mark.parametrize("streams", [False, True])
def test_body_is_read_once(read, again, streams):
    """Cloudflare: the second read, or a clone after it, is an OSError "Body already used"."""

    async def main():
        for message in both(Chunks("[1]")) if streams else both("[1]"):
            if streams:
                message._body = IterableStream(Chunks("[1]"))
            await getattr(message, read)()
            assert message.body_used
            assert message.bodyUsed
            with pytest.raises(OSError, match="Body already used"):
                result = getattr(message, again)()
                if asyncio.iscoroutine(result):
                    await result

    asyncio.run(main())


def test_body_that_failed_to_parse_is_used():
    """Reading is what uses a body, not the success of what follows."""

    async def main():
        response = Response("{")
        with pytest.raises(json.JSONDecodeError):
            await response.json()
        assert response.body_used

    asyncio.run(main())


@pytest.mark.parametrize("body", ["ab", b"ab", None])
def test_body_that_was_looked_at_is_not_used(body):
    """Asking for the stream is not reading it."""

    async def main():
        for message in both(body):
            assert message.body is message.body
            assert not message.body_used
            assert await message.bytes() == (b"" if body is None else b"ab")

    asyncio.run(main())


def test_body_is_one_stream():
    """`.body` is the same object each time, before, while and after it is read."""

    async def main():
        for message in [*both("ab"), *both(Chunks("ab"))[:1], Response(Chunks("ab"))]:
            stream = message.body
            assert await anext(stream) == b"ab"
            assert message.body is stream
            assert [chunk async for chunk in message.body] == []
            assert message.body is stream

    asyncio.run(main())


@pytest.mark.parametrize("body", ["ab", Chunks("a", "b")], ids=["bytes", "stream"])
def test_body_that_was_read_in_part_cannot_be_read_whole(body):
    """One chunk taken from `.body` uses it."""

    async def main():
        response = Response(body)
        await anext(response.body)
        assert response.body_used
        with pytest.raises(BodyUsedError):
            await response.text()
        with pytest.raises(BodyUsedError):
            response.clone()

    asyncio.run(main())


def test_stream_asked_for_after_the_read_gives_nothing():
    """A body that was read whole does not come a second time out of `.body`."""

    async def main():
        response = Response("ab")
        await response.text()
        assert response.body is response.body
        with pytest.raises(BodyUsedError):
            await anext(response.body)
        await response.body.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("ä€𝄞".encode(), "ä€𝄞"),
        (b"\xef\xbb\xbfa", "a"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa", "\ufeffa"),
        (b"a\xef\xbb\xbf", "a\ufeff"),
        (b"\xff\xfea\0", "\ufffd\ufffda\0"),
        (b"a\xffb", "a\ufffdb"),
        (b"\xe2\x82", "\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    ],
)
def test_text_is_utf8(data, text):
    """WHATWG Encoding, "UTF-8 decode": one byte order mark goes, invalid bytes become U+FFFD."""

    async def main():
        assert await Response(data).text() == text
        assert await Response(data).string() == text
        assert (
            await Response(Chunks(*(data[at : at + 1] for at in range(len(data))))).text() == text
        )

    asyncio.run(main())


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"null", None),
        (b' {"a": [1, 2.5, "x"]} ', {"a": [1, 2.5, "x"]}),
        (b'\xef\xbb\xbf"a"', "a"),
        (b'"\xff"', "\ufffd"),
        ('"é"', "é"),
    ],
)
def test_json_is_parsed_from_text(data, value):
    """JSON reads what `text()` reads, a byte order mark and invalid bytes included."""
    assert asyncio.run(Response(data).json()) == value


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", None])
def test_json_that_is_none_is_a_decode_error(data):
    """Whatever is wrong, it is a JSONDecodeError, also where it is not even UTF-8."""
    with pytest.raises(json.JSONDecodeError):
        asyncio.run(Response(data).json())


def test_json_passes_options_on():
    """Options are those of `json.loads`."""
    assert asyncio.run(Response("1.10").json(parse_float=str)) == "1.10"
    assert math.isnan(asyncio.run(Response("NaN").json()))


# --- streams


def test_bytes_stream_is_one_chunk():
    """Bytes that are here come at once; their number is known beforehand."""

    async def main():
        stream = Response("abc").body
        assert stream.length == 3
        assert [chunk async for chunk in stream] == [b"abc"]
        assert stream.length == 3

    asyncio.run(main())


@pytest.mark.parametrize(
    "make", [lambda: BytesStream(b""), lambda: IterableStream(Chunks("", b""))]
)
def test_empty_stream_ends_at_once(make):
    """There are no empty chunks: an empty body has none."""

    async def main():
        stream = make()
        assert [chunk async for chunk in stream] == []
        assert await stream.read() == b""

    asyncio.run(main())


def test_read_takes_what_is_left():
    """`read()` of a stream goes on where the iteration stopped."""

    async def main():
        stream = Response(Chunks("a", "b", "c")).body
        assert await anext(stream) == b"a"
        assert await stream.read() == b"bc"
        assert await stream.read() == b""

    asyncio.run(main())


def test_stream_that_ended_stays_ended():
    """Reading on after the end, or closing after it, is no error."""

    async def main():
        stream = Response(Chunks("a")).body
        await stream.read()
        await stream.aclose()
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

    asyncio.run(main())


def test_generator_error_comes_once_then_the_stream_is_closed():
    """What the generator raised goes to the reader; reading on does not look like the end."""

    async def main():
        source = Source("a", ValueError("broken"))
        stream = Response(source.generate()).body
        assert await anext(stream) == b"a"
        with pytest.raises(ValueError, match="broken"):
            await anext(stream)
        for _ in range(2):
            with pytest.raises(BodyClosedError, match="broke off"):
                await anext(stream)
        assert source.log[-1] == "ended for nobody"

    asyncio.run(main())


def test_generator_that_was_cancelled_never_looks_like_the_end():
    """A cancelled generator just ends: the reader that comes after must get an error."""

    async def main():
        source = Source("a", "b")
        response = Response(source.generate())
        assert await anext(response.body) == b"a"
        source.gate.clear()
        await cancel(await start(anext(response.body)))
        assert source.log[-1] == "ended for nobody"
        with pytest.raises(BodyClosedError, match="broke off"):
            await response.body.read()

    asyncio.run(main())


def test_iterator_that_failed_is_not_asked_again():
    """Also an iterator that could go on after its error is done with."""

    class Flaky(Chunks):
        async def __anext__(self):
            if (chunk := await super().__anext__()) == "bad":
                raise ValueError("bad chunk")
            return chunk

    async def main():
        stream = Response(Flaky("a", "bad", "c")).body
        assert await anext(stream) == b"a"
        with pytest.raises(ValueError, match="bad chunk"):
            await anext(stream)
        with pytest.raises(BodyClosedError):
            await anext(stream)

    asyncio.run(main())


def test_closing_runs_the_generators_finally_once():
    """`aclose` ends the generator where it stands; the second time does nothing."""

    async def main():
        source = Source("a", "b")
        stream = Response(source.generate()).body
        await anext(stream)
        await stream.aclose()
        await stream.aclose()
        assert source.log == ["began for nobody", "ended for nobody"]
        for _ in range(2):
            with pytest.raises(BodyClosedError, match="closed before it was read"):
                await anext(stream)

    asyncio.run(main())


def test_closing_before_the_first_read_starts_nothing():
    """A body that nobody reads does not run; reading it afterwards is an error."""

    async def main():
        source = Source("a")
        async with aclosing(Response(source.generate()).body) as stream:
            pass
        assert source.log == []
        with pytest.raises(BodyClosedError):
            await anext(stream)
        for message in both("ab"):
            await message.body.aclose()
            with pytest.raises(BodyClosedError):
                await message.text()

    asyncio.run(main())


def test_closing_an_iterator_without_aclose():
    """Iterators need not be closable."""

    async def main():
        stream = Response(Chunks("a", "b")).body
        await anext(stream)
        await stream.aclose()
        with pytest.raises(BodyClosedError):
            await anext(stream)

    asyncio.run(main())


def test_closing_passes_on_what_the_generator_raises():
    """An error in the generator's clean-up is seen by who closes."""

    async def generate():
        try:
            yield "a"
        finally:
            raise ValueError("clean-up")

    async def main():
        stream = Response(generate()).body
        await anext(stream)
        with pytest.raises(ValueError, match="clean-up"):
            await stream.aclose()
        await stream.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("outcome", ["chunk", "error", "cancel"])
def test_closing_while_a_read_is_under_way(outcome):
    """A running generator cannot be closed: its reader closes it when it has what it waits for."""

    async def main():
        source = Source(ValueError("broken") if outcome == "error" else "a", "b")
        source.gate.clear()
        stream = Response(source.generate()).body
        reader = await start(anext(stream))
        await stream.aclose()
        assert source.log == ["began for nobody"]
        if outcome == "cancel":
            await cancel(reader)
        else:
            source.gate.set()
            if outcome == "chunk":
                assert await reader == b"a"
            else:
                with pytest.raises(ValueError, match="broken"):
                    await reader
        assert source.log == ["began for nobody", "ended for nobody"]
        with pytest.raises(BodyClosedError):
            await anext(stream)

    asyncio.run(main())


def test_second_reader_of_a_stream_gets_an_error():
    """Two tasks cannot share a stream; the first one is not disturbed."""

    async def main():
        source = Source("a", "b")
        source.gate.clear()
        stream = Response(source.generate()).body
        first = await start(anext(stream))
        with pytest.raises(BodyClosedError):
            await anext(stream)
        source.gate.set()
        assert await first == b"a"
        assert await stream.read() == b"b"

    asyncio.run(main())


def test_generator_runs_in_the_context_of_its_creator():
    """Whoever reads or closes, the generator sees the context variables of who made the body."""

    async def main():
        source, closed = Source("a"), Source("a", "b")
        token = NAME.set("maker")
        response, other = Response(source.generate()), Response(closed.generate())
        NAME.reset(token)
        NAME.set("reader")
        await response.text()
        await anext(other.body)
        await other.body.aclose()
        assert source.log == closed.log == ["began for maker", "ended for maker"]
        assert NAME.get() == "reader"

    asyncio.run(main())


def test_generator_keeps_its_context_between_chunks():
    """What a generator sets stays set for it, and is not seen by its reader or another body."""

    async def generate():
        for count in "abc":
            NAME.set(NAME.get() + count)
            yield NAME.get() + " "

    async def main():
        one, two = Response(generate()), Response(generate())
        assert await anext(one.body) == b"nobodya "
        assert await two.text() == "nobodya nobodyab nobodyabc "
        assert await one.body.read() == b"nobodyab nobodyabc "
        assert NAME.get() == "nobody"

    asyncio.run(main())


# --- streams that crossed from one worker to another


def handed(body):
    return HandedStream(Response(body).body, lambda error: OSError(f"theirs: {error}"))


def test_handed_stream_passes_chunks_and_length():
    """The other side's stream is read through."""

    async def main():
        assert handed("abc").length == 3
        assert handed(Chunks("a")).length is None
        assert [chunk async for chunk in handed(Chunks("a", "", "b"))] == [b"a", b"b"]

    asyncio.run(main())


def test_handed_stream_maps_errors_without_the_other_sides_frames():
    """The reader gets the error that `on_error` makes, with no cause to look into."""

    async def main():
        stream = handed(Source("a", ValueError("secret")).generate())
        await anext(stream)
        with pytest.raises(OSError, match="theirs: secret") as caught:
            await anext(stream)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    asyncio.run(main())


def test_handed_stream_closes_its_source():
    """Closing here runs the `finally` over there."""

    async def main():
        source = Source("a", "b")
        stream = handed(source.generate())
        await anext(stream)
        await stream.aclose()
        assert source.log[-1] == "ended for nobody"

    asyncio.run(main())
