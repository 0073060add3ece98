"""Two ends against each other, whatever happens in whatever order."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mesh.errors import ProtocolError
from mesh.v1.link_pb2 import BodyFailure, Failure, Frame
from mesh.wire import limits
from mesh.wire.dialler import fill_end
from tests.support.wire_pair import Pair, fill_last, respond

SIZES = (0, 1, 100, 65536, 65537, 300_000)


class Play:
    """Random steps on both sides, with a record of what was sent and read."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.pair = Pair()
        self.pushed: dict[Any, bytes] = defaultdict(bytes)
        self.read: dict[Any, bytes] = defaultdict(bytes)
        self.discarded: set[Any] = set()
        self.dialled: list[Any] = []
        self.running: list[Any] = []

    def body(self) -> bytes:
        return self.chance.randbytes(self.chance.choice(SIZES))

    def step(self) -> None:
        self.chance.choice(
            [self.open, self.push, self.read_some, self.answer, self.finish, self.send, self.arrive]
            * 4
            + [self.cancel, self.discard, self.fail, self.end_handler]
        )()

    def open(self) -> None:
        if self.pair.dialler.can_open and not self.pair.dialler.is_full:
            body = self.chance.choice([None, self.body()])
            exchange = self.pair.open(body, has_stream=body is None and self.chance.random() < 0.7)
            self.dialled.append(exchange)
            if body is not None and exchange.outbound is not None:
                self.pushed[exchange.outbound] += body

    def exchanges(self) -> list[Any]:
        return self.dialled + self.pair.accepted

    def outbounds(self) -> list[Any]:
        return [
            exchange.outbound
            for exchange in self.exchanges()
            if exchange.outbound is not None
            and not exchange.outbound.is_over
            and exchange.outbound._fill_last is None
        ]

    def push(self) -> None:
        if outbounds := self.outbounds():
            outbound = self.chance.choice(outbounds)
            chunk = self.body()
            outbound.push(chunk)
            self.pushed[outbound] += chunk

    def finish(self) -> None:
        if outbounds := self.outbounds():
            outbound = self.chance.choice(outbounds)
            outbound.finish(fill_end)

    def read_some(self) -> None:
        for exchange in self.exchanges():
            if exchange.inbound is not None and self.chance.random() < 0.5:
                held = sum(map(len, exchange.inbound._chunks))
                assert held <= limits.WINDOW_BYTES
                self.read[exchange.inbound] += exchange.inbound.take()

    def unanswered(self) -> list[Any]:
        return [exchange for exchange in self.pair.accepted if not exchange.is_answered]

    def answer(self) -> None:
        if exchanges := self.unanswered():
            exchange = self.chance.choice(exchanges)
            body = self.chance.choice([None, self.body()])
            respond(exchange, body, has_stream=body is None)
            if body is not None and exchange.outbound is not None:
                self.pushed[exchange.outbound] += body

    def cancel(self) -> None:
        if self.dialled:
            self.chance.choice(self.dialled).cancel()

    def discard(self) -> None:
        inbounds = [exchange.inbound for exchange in self.exchanges() if exchange.inbound]
        if inbounds:
            inbound = self.chance.choice(inbounds)
            self.discarded.add(inbound)
            inbound.discard()

    def fail(self) -> None:
        if self.pair.accepted:
            self.chance.choice(self.pair.accepted).fail(Failure(kind="deadline"), fill_last)
        if outbounds := [e.outbound for e in self.dialled if e.outbound in self.outbounds()]:
            failure = BodyFailure(kind="closed")
            self.chance.choice(outbounds).finish(lambda f: f.body_failure.CopyFrom(failure))

    def end_handler(self) -> None:
        if done := [e for e in self.pair.accepted if e.is_answered and e.has_handler]:
            self.chance.choice(done).handler_ended()

    def send(self) -> None:
        self.pair.send(back=self.chance.random() < 0.5)

    def arrive(self) -> None:
        self.pair.deliver(self.chance.choice([1, 2, None]), back=self.chance.random() < 0.5)

    def settle(self) -> None:
        """Everybody finishes, and reads what is left."""
        pair = self.pair
        pair.exchange()
        for exchange in self.unanswered():
            respond(exchange)
        for outbound in self.outbounds():
            outbound.finish(fill_end)
        for _ in range(200):
            pair.exchange()
            for exchange in self.exchanges():
                if exchange.inbound is not None:
                    while chunk := exchange.inbound.take():
                        self.read[exchange.inbound] += chunk
        for exchange in pair.accepted:
            if exchange.has_handler:
                exchange.handler_ended()
        pair.exchange()

    def check_bytes(self) -> None:
        """What was read is what was pushed; all of it, where nobody broke off."""
        there = {exchange.number: exchange for exchange in self.pair.accepted}
        for exchange in self.dialled:
            other = there.get(exchange.number)
            if other is None:
                continue
            for outbound, inbound in (
                (exchange.outbound, other.inbound),
                (other.outbound, exchange.inbound),
            ):
                if outbound is None or inbound is None:
                    continue
                sent, got = self.pushed[outbound], self.read[inbound]
                assert sent.startswith(got)
                if inbound.is_ended and inbound.failure is None and inbound not in self.discarded:
                    assert got == sent


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 250))
@example(seed=156, steps=109)  # a body overtook its head, when small frames filled several batches
def test_everything_arrives_in_order_and_nothing_is_left(seed: int, steps: int) -> None:
    """Bytes arrive in order, windows hold, and at the end both ends are empty."""
    play = Play(random.Random(seed))
    for _ in range(steps):
        play.step()
    play.settle()
    play.check_bytes()
    pair = play.pair
    assert not pair.dialler.exchanges
    assert not pair.listener.exchanges
    assert not pair.dialler.outbox.has_output
    assert not pair.listener.outbox.has_output
    assert pair.dialler.pool.free_bytes == limits.POOL_BYTES
    assert pair.listener.pool.free_bytes == limits.POOL_BYTES


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 150))
def test_cut_link_ends_every_exchange(seed: int, steps: int) -> None:
    """Every caller has an answer, or gave up; nothing waits for more."""
    play = Play(random.Random(seed))
    for _ in range(steps):
        play.step()
    play.pair.dialler.lose("cut")
    play.pair.listener.lose("cut")
    for exchange in play.dialled:
        assert exchange.is_closed
        assert exchange.is_answered
    for exchange in play.exchanges():
        assert exchange.inbound is None or exchange.inbound.is_over
        assert exchange.outbound is None or exchange.outbound.is_over
        if exchange.inbound is not None:
            exchange.inbound.discard()
    for exchange in play.pair.accepted:
        exchange.handler_ended()
    assert not play.pair.listener.exchanges
    assert play.pair.dialler.pool.free_bytes == limits.POOL_BYTES
    assert play.pair.listener.pool.free_bytes == limits.POOL_BYTES


garbage = st.fixed_dictionaries(
    {
        "exchange": st.integers(0, 4),
        "data": st.sampled_from([0, 1, 65536, 70000]),  # so many bytes
        "end": st.booleans(),
        "credit": st.sampled_from([0, 1, 2**32 - 1]),
        "stop": st.booleans(),
    },
    optional={
        "open": st.sampled_from([{}, {"path": ["a"], "invocation_limit": 2}]),
        "head": st.sampled_from([{}, {"status": 200}]),
        "body_failure": st.just({"kind": "limit"}),
        "reset": st.sampled_from([{}, {"cancelled": True}]),
        "refused": st.sampled_from([{}, {"reason": 99}]),
        "last": st.just({"invocations": 4}),
        "goaway": st.just({}),
        "ping": st.integers(0, 2),
    },
)


TOO_MUCH = {"exchange": 4, "data": 70000, "end": False, "credit": 0, "stop": False, "open": {}}


@settings(max_examples=500, deadline=None, derandomize=True)
@given(frames=st.lists(garbage, max_size=12), to_dialler=st.booleans())
@example(frames=[TOO_MUCH], to_dialler=False)
def test_garbage_is_a_protocol_error_or_nothing(frames: list[dict], to_dialler: bool) -> None:
    """No other exception, whatever a peer says; and `lose` tidies up after it."""
    pair = Pair()
    pair.exchange()
    for _ in range(3):
        pair.open(has_stream=True)
    pair.exchange()
    end = pair.dialler if to_dialler else pair.listener
    with contextlib.suppress(ProtocolError):
        end.receive([Frame(**{**fields, "data": bytes(fields["data"])}) for fields in frames])
    end.lose("over")
    for exchange in pair.accepted:
        exchange.handler_ended()
    assert not end.exchanges
