"""Copies of a stream: both whole, kept within bounds, and independent of each other's fate."""

import asyncio
import gc
import os
import random
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers import BodyClosedError, BodyLimitError, Request, Response
from workers.body import ByteStream, IterableStream
from workers.tee import MEMORY_BYTES, READ_BYTES, tee

KIB = 1024
MIB = 1024 * KIB
LIMIT = 100 * MIB
NOISE = random.Random(7).randbytes(3 * MIB)


class Source(ByteStream):
    """Yields the chunks it is given; counts what it does and can be made to wait."""

    __slots__ = ("chunks", "closed", "gate", "pulls")

    def __init__(self, *chunks):
        super().__init__()
        self.chunks = list(chunks)
        self.gate = asyncio.Event()
        self.gate.set()
        self.pulls = 0
        self.closed = 0

    async def _next(self):
        self.pulls += 1
        await self.gate.wait()
        chunk = self.chunks.pop(0) if self.chunks else b""
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk

    async def _close(self):
        self.closed += 1


def chunks_of(sizes):
    """Chunks of noise, no two alike."""
    return [(b"%d:" % at + NOISE[at * 991 :])[:size] for at, size in enumerate(sizes)]


async def take(stream, size):
    """At least `size` bytes, fewer at the end."""
    taken = bytearray()
    while len(taken) < size and (chunk := await anext(stream, b"")):
        taken += chunk
    return bytes(taken)


async def started(awaitable, steps=5):
    """A task that has run for some steps of the event loop."""
    task = asyncio.ensure_future(awaitable)
    for _ in range(steps):
        await asyncio.sleep(0)
    return task


async def cancel(task):
    """Cancel, and return what the task had finished in spite of it."""
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return b""


@pytest.fixture
def spill(monkeypatch, tmp_path):
    """The directory for temporary files, and a function that gives the sizes of those in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def sizes():
        found = []
        for descriptor in Path("/proc/self/fd").iterdir():
            try:
                if str(descriptor.readlink()).startswith(str(tmp_path)):
                    found.append(descriptor.stat().st_size)
            except FileNotFoundError:  # that of the listing itself
                continue
        return found

    return sizes


@pytest.fixture
def no_disk(monkeypatch, tmp_path):
    """There is no place for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))


def left_after(main, spill):
    """The files that are left when `main` is done, no thread holds one, and its result lives on."""
    kept = asyncio.run(main())
    assert kept is not None
    gc.collect()  # the branches of a tee know each other
    return spill()


def other_tasks():
    return asyncio.all_tasks() - {asyncio.current_task()}


# --- whole copies


@pytest.mark.parametrize("sizes", [[], [1], [3, 2, 1], [MIB + 1], [2 * MIB, 1, 2 * MIB]])
@pytest.mark.parametrize("first", [0, 1])
def test_branches_read_one_after_the_other_are_whole(spill, sizes, first):
    """Each branch gives every byte, whichever is read first; the source is read once."""

    async def main():
        source = Source(*chunks_of(sizes))
        whole = b"".join(source.chunks)
        branches = tee(source, LIMIT)
        assert await branches[first].read() == whole
        assert await branches[1 - first].read() == whole
        assert source.pulls == len(sizes) + 1
        assert source.closed == 1
        assert not other_tasks()
        return branches

    assert left_after(main, spill) == []


SIZES = st.lists(
    st.sampled_from([1, 100, 64 * KIB, MIB - 1, MIB, MIB + 1, 2 * MIB])
    | st.integers(min_value=1, max_value=2 * MIB),
    max_size=6,
)
SCHEDULE = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=2),
        st.sampled_from(["read", "read", "read", "together", "cancel", "close"]),
        st.integers(min_value=0, max_value=6),
    ),
    max_size=24,
)


async def follow(schedule, branches):
    """Do what the schedule says; return what each branch gave, None where it was closed."""
    taken: list[bytearray | None] = [bytearray() for _ in branches]
    for number, action, steps in schedule:
        at = number % len(branches)
        if taken[at] is None:
            continue
        if action == "close":
            await branches[at].aclose()
            taken[at] = None
        elif action == "cancel":
            taken[at] += await cancel(await started(anext(branches[at], b""), steps))
        elif action == "together":
            readers = [i for i in range(len(branches)) if taken[i] is not None]
            chunks = await asyncio.gather(*(anext(branches[i], b"") for i in readers))
            for i, chunk in zip(readers, chunks, strict=True):
                taken[i] += chunk
        else:
            taken[at] += await anext(branches[at], b"")
    for data, branch in zip(taken, branches, strict=True):
        if data is not None:
            data.extend(await branch.read())
    return taken


@pytest.mark.slow
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(sizes=SIZES, schedule=SCHEDULE, count=st.sampled_from([2, 3]))
def test_branches_are_whole_whatever_the_schedule(sizes, schedule, count):
    """Reads, cancelled reads and closes in any order take nothing from any other branch."""

    async def main():
        source = Source(*chunks_of(sizes))
        whole = b"".join(source.chunks)
        branches = list(tee(source, LIMIT))
        if count == 3:
            branches[1:] = tee(branches[1], LIMIT)
        for data in await follow(schedule, branches):
            assert data is None or bytes(data) == whole
        for branch in branches:
            await branch.aclose()
        assert source.closed == 1
        assert not other_tasks()

    asyncio.run(main())


def test_concurrent_readers_share_each_pull():
    """Two readers that wait for the same chunk cause one read of the source."""

    async def main():
        source = Source(b"a", b"b")
        source.gate.clear()
        one, two = tee(source, LIMIT)
        readers = [await started(one.read()), await started(two.read())]
        assert source.pulls == 1
        source.gate.set()
        assert await asyncio.gather(*readers) == [b"ab", b"ab"]
        assert source.pulls == 3

    asyncio.run(main())


@pytest.mark.parametrize("kind", [Request, Response])
def test_clones_of_a_streamed_message_are_whole(kind):
    """`clone()` of a message, and of its clone, gives messages that are each read once."""

    async def generate():
        yield "a"
        yield b"b"

    async def main():
        arguments = {"input": "/", "method": "POST"} if kind is Request else {}
        one = kind(body=generate(), **arguments)
        two = one.clone()
        three = two.clone()
        for message in (three, one, two):
            assert not message.body_used
            assert await message.text() == "ab"
            assert message.body_used

    asyncio.run(main())


def test_length_is_that_of_the_source():
    """A branch has as many bytes to come as its source had."""

    async def main():
        source = Source(b"abc")
        source.length = 3
        for branch in tee(source, LIMIT):
            assert branch.length == 3
            await branch.aclose()

    asyncio.run(main())


# --- bounds


def test_lag_in_memory_needs_no_file(spill, no_disk):
    """Up to 1 MiB of lag stays in memory."""

    async def main():
        one, two = tee(Source(*chunks_of([64 * KIB] * 16)), LIMIT)
        data = await one.read()
        assert two.backlog._memory_bytes == MEMORY_BYTES
        assert await two.read() == data

    asyncio.run(main())


def test_lag_beyond_memory_goes_to_a_file(spill):
    """What lags by more than 1 MiB is on the disk, and memory stays bounded meanwhile."""

    async def main():
        sizes = [200 * KIB] * 20
        whole = b"".join(chunks_of(sizes))
        one, two = tee(Source(*chunks_of(sizes)), LIMIT)
        async for _ in one:
            assert two.backlog._memory_bytes <= MEMORY_BYTES
        assert sum(spill()) >= len(whole) - MEMORY_BYTES
        assert await two.read() == whole
        return one, two

    assert left_after(main, spill) == []


def test_chunks_from_the_file_are_bounded():
    """Reading back takes no more than READ_BYTES at a time."""

    async def main():
        one, two = tee(Source(*chunks_of([2 * MIB, 2 * MIB])), LIMIT)
        await one.read()
        sizes = [len(chunk) async for chunk in two]
        assert sum(sizes) == 4 * MIB
        assert max(sizes) <= READ_BYTES

    asyncio.run(main())


def test_large_chunks_need_no_file_where_nobody_lags(spill, no_disk):
    """A chunk that a reader waits for comes from memory, however large it is."""

    async def main():
        chunks = chunks_of([3 * MIB] * 3)
        one, two = tee(Source(*chunks), limit_bytes=2 * MIB)
        for chunk in chunks:
            assert await anext(one) == chunk
            assert await anext(two) == chunk

    asyncio.run(main())


def test_file_does_not_grow_with_a_steady_lag(spill):
    """A branch that lags by little for a long time uses the same part of the file again."""

    async def main():
        limit = 3 * MIB
        sizes = [100 * KIB] * 100
        one, two = tee(Source(*chunks_of(sizes)), limit)
        await take(one, 2 * MIB)
        largest, data = 0, bytearray()
        while lead := await take(one, 256 * KIB):
            data += await take(two, len(lead))
            largest = max(largest, *spill())
        assert MEMORY_BYTES < largest <= limit
        assert data + await two.read() == b"".join(chunks_of(sizes))

    asyncio.run(main())


def test_branch_that_catches_up_starts_its_file_over(spill):
    """After catching up the file is written from its beginning."""

    async def main():
        one, two = tee(Source(*chunks_of([600 * KIB] * 40)), LIMIT)
        while lead := await take(one, 1800 * KIB):
            assert await take(two, len(lead)) == lead
            assert max(spill()) <= 2 * MIB

    asyncio.run(main())


def test_lag_beyond_the_limit_fails_the_lagging_branch_only(spill):
    """The error names the limit and what to do; it comes each time; the other goes on."""

    async def main():
        chunks = chunks_of([300 * KIB] * 20)
        one, two = tee(Source(*chunks), limit_bytes=2_000_000)
        assert await anext(two) == chunks[0]
        assert await one.read() == b"".join(chunks)
        for _ in range(2):
            with pytest.raises(BodyLimitError, match="more than 2000000 bytes behind") as caught:
                await anext(two)
        assert isinstance(caught.value, OSError)
        assert "limits.body_bytes in mesh.toml" in str(caught.value)
        assert not two.backlog._memory
        return two

    assert left_after(main, spill) == []


def test_limit_is_reached_exactly():
    """A lag of the limit is allowed, one byte more is not."""

    async def main():
        for extra, fails in ((b"", False), (b"x", True)):
            one, two = tee(Source(b"a" * 600, b"b" * 400, *([extra] if extra else [])), 1000)
            await one.read()
            if fails:
                with pytest.raises(BodyLimitError):
                    await two.read()
            else:
                assert len(await two.read()) == 1000

    asyncio.run(main())


def test_both_branches_may_lag_in_turn_over_the_whole_limit():
    """The limit is one of lag, not of length."""

    async def main():
        one, two = tee(Source(*[b"x" * 100] * 100), limit_bytes=1000)
        for _ in range(5):
            assert len(await take(one, 1000)) == 1000
            assert len(await take(two, 2000)) == 2000
            assert len(await take(one, 1000)) == 1000

    asyncio.run(main())


# --- closing


def test_closed_branch_keeps_nothing(spill):
    """A clone that nobody reads costs nothing once it is closed."""

    async def main():
        one, two = tee(Source(*chunks_of([600 * KIB] * 6)), LIMIT)
        await take(one, 2 * MIB)
        assert spill()
        await two.aclose()
        await two.aclose()
        assert len(await one.read()) > MIB
        assert two.backlog._memory_bytes == len(two.backlog._memory) == 0
        with pytest.raises(BodyClosedError):
            await anext(two)
        return two

    assert left_after(main, spill) == []


def test_branch_closed_while_it_is_spilled_leaves_no_file(spill):
    """The file that is being made when its branch is closed goes as soon as it is written."""

    async def main():
        one, two = tee(Source(*chunks_of([900 * KIB] * 6)), LIMIT)
        await anext(one)
        reader = asyncio.ensure_future(anext(one))
        while not two.backlog._lock.locked():
            await asyncio.sleep(0)
        await two.aclose()
        await reader
        assert two.backlog._memory_bytes == len(two.backlog._memory) == 0
        assert len(await one.read()) == 4 * 900 * KIB
        return two

    assert left_after(main, spill) == []


def test_source_is_closed_with_the_last_branch():
    """One branch keeps the source open, none closes it: at once, and once."""

    async def main():
        source = Source(b"a", b"b")
        one, two = tee(source, LIMIT)
        await anext(one)
        await one.aclose()
        assert source.closed == 0
        assert await anext(two) == b"a"
        await two.aclose()
        assert source.closed == 1

    asyncio.run(main())


def test_closing_both_ends_the_pull_under_way():
    """No task is left behind that waits for a source nobody wants; waiting readers get an error."""

    async def main():
        source = Source(b"a")
        source.gate.clear()
        one, two = tee(source, LIMIT)
        reader = await started(anext(one))
        await one.aclose()
        await two.aclose()
        assert source.closed == 1
        with pytest.raises(BodyClosedError):
            await reader
        assert not other_tasks()

    asyncio.run(main())


def test_branch_closed_while_it_is_read_stops_reading():
    """Its reader gets an error with the next chunk, and does not pull the rest for nobody."""

    async def main():
        source = Source(b"a", b"b", b"c")
        source.gate.clear()
        one, two = tee(source, LIMIT)
        reader = await started(anext(one))
        await one.aclose()
        source.gate.set()
        with pytest.raises(BodyClosedError):
            await reader
        assert source.pulls == 1
        assert await two.read() == b"abc"

    asyncio.run(main())


def test_closing_that_is_cancelled_closes_the_source_all_the_same():
    """Who closes may be cancelled while the pull ends; the source must not stay open."""

    class Stubborn(Source):
        __slots__ = ("done",)

        async def _next(self):
            try:
                await super()._next()
            finally:
                await self.done.wait()

    async def main():
        source = Stubborn(b"a")
        source.gate.clear()
        source.done = asyncio.Event()
        one, two = tee(source, LIMIT)
        reader = await started(anext(one))
        await two.aclose()
        closing = await started(one.aclose())
        await cancel(closing)
        assert source.closed == 1
        source.done.set()
        with pytest.raises(BodyClosedError):
            await reader

    asyncio.run(main())


def test_generator_behind_two_branches_is_closed():
    """A generator's `finally` runs when both branches are closed, also in the middle of a pull."""

    async def main():
        log = []
        gate = asyncio.Event()

        async def generate():
            try:
                yield "a"
                await gate.wait()
                yield "b"
            finally:
                log.append("ended")

        for waits in (False, True):
            one, two = tee(IterableStream(generate()), LIMIT)
            await anext(one)
            reader = await started(anext(one)) if waits else None
            await one.aclose()
            assert log == []
            await two.aclose()
            assert log == ["ended"]
            log.clear()
            if reader is not None:
                with pytest.raises(BodyClosedError):
                    await reader

    asyncio.run(main())


# --- failures


@pytest.mark.parametrize("spills", [False, True])
def test_source_error_reaches_both_after_what_came_before(spills):
    """Each branch gives all that arrived, then raises, now and later."""

    async def main():
        chunks = chunks_of([700 * KIB] * 4 if spills else [3, 2])
        one, two = tee(Source(*chunks, ValueError("broken")), LIMIT)
        for branch in (one, two):
            assert await take(branch, sum(map(len, chunks))) == b"".join(chunks)
            for _ in range(2):
                with pytest.raises(ValueError, match="broken"):
                    await anext(branch)
            await branch.aclose()

    asyncio.run(main())


def test_source_that_is_cancelled_by_its_own_hand_cancels_no_reader():
    """A producer's CancelledError is its own affair: the readers get BodyClosedError."""

    async def main():
        one, two = tee(Source(b"a", asyncio.CancelledError()), LIMIT)
        for branch in (one, two):
            assert await anext(branch) == b"a"
            with pytest.raises(BodyClosedError, match="broke off"):
                await anext(branch)
            await branch.aclose()
        assert asyncio.current_task().cancelling() == 0

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(8))
def test_cancelled_reader_loses_nothing(steps):
    """A reader may be cancelled at any step of a pull; both branches, its own too, stay whole."""

    async def main():
        source = Source(b"a", b"b")
        if steps > 3:
            source.gate.clear()
        one, two = tee(source, LIMIT)
        taken = await cancel(await started(anext(one), steps))
        source.gate.set()
        assert taken + await one.read() == b"ab"
        assert await two.read() == b"ab"

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_cancelled_reader_loses_nothing_while_the_other_is_spilled(spill, steps):
    """The same where the pull writes the other branch's bytes to the disk."""

    async def main():
        chunks = chunks_of([600 * KIB] * 5)
        one, two = tee(Source(*chunks), LIMIT)
        taken = await take(one, 600 * KIB)
        taken += await cancel(await started(anext(one), steps))
        assert taken + await one.read() == b"".join(chunks)
        assert await two.read() == b"".join(chunks)

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_cancelled_reader_loses_nothing_while_it_reads_the_file(spill, steps):
    """The same where the reader itself waits for its own bytes from the disk."""

    async def main():
        chunks = chunks_of([600 * KIB] * 5)
        one, two = tee(Source(*chunks), LIMIT)
        assert await one.read() == b"".join(chunks)
        taken = await cancel(await started(anext(two), steps))
        assert taken + await two.read() == b"".join(chunks)

    asyncio.run(main())


def test_missing_disk_fails_the_lagging_branch_only(no_disk):
    """Without a place for temporary files who lags gets the OSError, who reads goes on."""

    async def main():
        chunks = chunks_of([600 * KIB] * 5)
        one, two = tee(Source(*chunks), LIMIT)
        assert await one.read() == b"".join(chunks)
        for _ in range(2):
            with pytest.raises(FileNotFoundError):
                await anext(two)
        assert not two.backlog._memory
        await two.aclose()

    asyncio.run(main())


FULL_DISK = """
    import asyncio, os, resource
    from workers.body import IterableStream
    from workers.tee import tee

    async def generate():
        for _ in range(40):
            yield b"x" * 200_000

    async def main():
        descriptors = os.listdir("/proc/self/fd")
        one, two = tee(IterableStream(generate()), 100_000_000)
        assert len(await one.read()) == 8_000_000
        try:
            await two.read()
        except OSError as error:
            assert error.errno, error
            print(type(error).__name__)
        await two.aclose()
        await asyncio.get_running_loop().shutdown_default_executor()  # no thread holds the file
        assert len(os.listdir("/proc/self/fd")) == len(descriptors)

    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
    asyncio.run(main())
"""


@pytest.mark.slow
def test_full_disk_fails_the_lagging_branch_only(tmp_path):
    """A disk that fills up while a branch is spilled is that branch's OSError; no file is left."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "OSError\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["read", "close", "drop"])
def test_no_descriptor_is_left(spill, end):
    """However a branch ends, its file goes with it."""

    async def main():
        one, two = tee(Source(*chunks_of([600 * KIB] * 5)), LIMIT)
        await one.read()
        assert len(spill()) == 1
        await anext(two)
        if end == "read":
            await two.read()
        elif end == "close":
            await two.aclose()
        return [] if end == "drop" else [one, two]

    assert left_after(main, spill) == []
