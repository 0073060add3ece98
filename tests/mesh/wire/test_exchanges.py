"""The state machine of a link, step by step."""

from __future__ import annotations

import pytest

from mesh.errors import ProtocolError
from mesh.v1.link_pb2 import Failure, Frame, Refused
from mesh.wire import limits
from mesh.wire.dialler import Lost, fill_end
from mesh.wire.outbox import FrameTooLargeError
from tests.support.wire_pair import Pair, fill_last, respond


def test_small_call_is_one_frame_each_way(pair: Pair) -> None:
    """Open, data and end leave together; head, data, end and last as well."""
    exchange = pair.open(b"ask")
    assert pair.send()
    (request,) = pair.there
    assert (request.data, request.end) == (b"ask", True)
    pair.deliver()
    respond(pair.accepted[0], b"answer")
    assert pair.send(back=True)
    (response,) = pair.back
    assert (response.data, response.end, response.last.invocations) == (b"answer", True, 3)
    pair.deliver(back=True)
    assert exchange.is_closed
    assert pair.lasts == {1: 3}
    assert not pair.dialler.exchanges
    pair.accepted[0].handler_ended()
    assert not pair.listener.exchanges


def test_large_bytes_follow_the_credit(pair: Pair) -> None:
    """A body over the first window waits for its reader, in both directions."""
    body = bytes(range(256)) * 4096
    exchange = pair.open(body)
    pair.exchange()
    inbound = pair.accepted[0].inbound
    assert inbound is not None
    got = b""
    while not inbound.is_over or inbound._chunks:
        assert sum(map(len, inbound._chunks)) <= inbound._window
        got += inbound.take()
        pair.exchange()
    assert got == body
    respond(pair.accepted[0], body)
    pair.accepted[0].handler_ended()
    pair.exchange()
    assert exchange.inbound is not None
    assert sum(map(len, exchange.inbound._chunks)) == limits.FIRST_WINDOW_BYTES
    got = b""
    while chunk := exchange.inbound.take():
        got += chunk
        pair.exchange()
    assert got == body
    assert exchange.is_closed
    assert not pair.listener.exchanges
    assert pair.dialler.pool.free_bytes == pair.listener.pool.free_bytes == limits.POOL_BYTES


def read_all_once(pair: Pair) -> None:
    pair.exchange()
    for accepted in pair.accepted:
        assert accepted.inbound is not None
        accepted.inbound.take()


def test_window_is_large_for_a_body_alone_and_small_in_company(pair: Pair) -> None:
    """What is on its way of one body delays the frames of others."""
    pair.open(bytes(96 * limits.MIB))
    for _ in range(30):
        read_all_once(pair)
    inbound = pair.accepted[0].inbound
    assert inbound is not None
    assert inbound._window == limits.WINDOW_BYTES
    small = pair.open(has_stream=True)
    for _ in range(15):
        read_all_once(pair)
    assert inbound._window == limits.SHARED_WINDOW_BYTES
    assert pair.listener.pool.free_bytes == (
        limits.POOL_BYTES - inbound._window + limits.FIRST_WINDOW_BYTES
    )
    small.cancel()
    pair.exchange()
    pair.accepted[1].handler_ended()
    for _ in range(30):
        read_all_once(pair)
    assert inbound._window == limits.WINDOW_BYTES


def test_windows_grow_to_their_limit_and_from_the_pool_only(pair: Pair) -> None:
    """Fast readers share what a link may hold."""
    exchanges = [pair.open(bytes(24 * limits.MIB)) for _ in range(20)]
    for _ in range(100):
        read_all_once(pair)
    windows = [accepted.inbound._window for accepted in pair.accepted if accepted.inbound]
    assert max(windows) == limits.SHARED_WINDOW_BYTES
    assert min(windows) < limits.SHARED_WINDOW_BYTES
    grown = sum(windows) - len(windows) * limits.FIRST_WINDOW_BYTES
    assert grown == limits.POOL_BYTES - pair.listener.pool.free_bytes <= limits.POOL_BYTES
    for exchange in exchanges:
        exchange.cancel()
    pair.exchange()
    assert pair.listener.pool.free_bytes < limits.POOL_BYTES, "what has arrived can still be read"
    for accepted in pair.accepted:
        assert accepted.inbound is not None
        accepted.inbound.discard()
        accepted.handler_ended()
    assert pair.listener.pool.free_bytes == limits.POOL_BYTES
    assert not pair.listener.exchanges


def test_exchange_counts_until_its_handler_has_ended(pair: Pair) -> None:
    """A dialler that opens and cancels gets no more handlers than one that waits."""
    for _ in range(limits.MAX_EXCHANGES):
        pair.open().cancel()
    pair.exchange()
    assert not pair.dialler.exchanges
    assert len(pair.listener.exchanges) == limits.MAX_EXCHANGES
    pair.open()
    pair.exchange()
    assert pair.answers[limits.MAX_EXCHANGES + 1].refused.reason == Refused.FULL
    pair.accepted[0].handler_ended()
    pair.open()
    pair.exchange()
    assert len(pair.accepted) == limits.MAX_EXCHANGES + 1


def test_cancelled_exchange_tells_its_handler_once(pair: Pair) -> None:
    """Reset comes at once, and frames that were on their way are ignored."""
    cancelled = []
    exchange = pair.open(has_stream=True)
    pair.exchange()
    pair.accepted[0].on_cancel = lambda: cancelled.append(1)
    assert exchange.outbound is not None
    exchange.outbound.push(b"x")
    respond(pair.accepted[0], has_stream=True)
    exchange.cancel()
    exchange.cancel()
    pair.exchange()
    assert cancelled == [1]
    assert not pair.answers
    pair.accepted[0].handler_ended()
    assert not pair.listener.exchanges


def test_body_outlives_the_response_while_its_reader_wants_it(pair: Pair) -> None:
    """A waitUntil task may read a request whose response has ended."""
    exchange = pair.open(has_stream=True)
    pair.exchange()
    accepted = pair.accepted[0]
    respond(accepted, b"done")
    accepted.handler_ended()
    pair.exchange()
    assert pair.answers[1].data == b"done"
    assert pair.dialler.exchanges
    assert pair.listener.exchanges
    assert exchange.outbound is not None
    assert accepted.inbound is not None
    exchange.outbound.push(b"late")
    pair.exchange()
    assert accepted.inbound.take() == b"late"
    accepted.inbound.discard()
    pair.exchange()
    assert exchange.outbound.is_over
    assert not pair.dialler.exchanges
    assert not pair.listener.exchanges


def test_stop_ends_one_direction_only(pair: Pair) -> None:
    """Who closes a response may still be sending the request."""
    stopped = []
    exchange = pair.open(has_stream=True)
    pair.exchange()
    accepted = pair.accepted[0]
    respond(accepted, has_stream=True)
    accepted.on_stop = lambda: stopped.append(1)
    pair.exchange()
    assert exchange.inbound is not None
    exchange.inbound.discard()
    pair.exchange()
    assert stopped == [1]
    assert not exchange.is_closed
    assert exchange.outbound is not None
    exchange.outbound.finish(fill_end)
    accepted.handler_ended()
    pair.exchange()
    assert exchange.is_closed
    assert not pair.listener.exchanges


def test_failure_after_the_head_comes_after_the_data(pair: Pair) -> None:
    """The reader gets what was sent, then the failure; the exchange is over both ways."""
    exchange = pair.open(has_stream=True)
    pair.exchange()
    accepted = pair.accepted[0]
    respond(accepted, has_stream=True)
    assert accepted.outbound is not None
    accepted.outbound.push(b"first")
    accepted.fail(Failure(kind="exception", message="no"), fill_last)
    accepted.handler_ended()
    pair.exchange()
    assert exchange.inbound is not None
    assert exchange.inbound.take() == b"first"
    assert isinstance(exchange.inbound.failure, Failure)
    assert exchange.outbound is not None
    assert exchange.outbound.is_over
    assert not pair.dialler.exchanges
    assert not pair.listener.exchanges


def test_lost_link_answers_everybody_and_says_what_was_sent(pair: Pair) -> None:
    """A request that never left was surely not started."""
    pair.open(b"sent")
    pair.send()
    pair.open(b"not sent")
    pair.dialler.lose("cut")
    pair.dialler.lose("cut again")
    assert pair.answers == {
        1: Lost("cut", was_sent=True),
        2: Lost("cut", was_sent=False),
    }
    assert not pair.dialler.exchanges
    assert not pair.dialler.can_open


def test_leaving_listener_refuses_and_finishes_what_it_has(pair: Pair) -> None:
    """Goaway: nothing new, and what is open goes on."""
    pair.open()
    pair.exchange()
    pair.listener.leave("stopping")
    pair.open()
    pair.exchange()
    assert pair.answers[2].refused.reason == Refused.DRAINING
    assert not pair.dialler.can_open
    respond(pair.accepted[0], b"still")
    pair.exchange()
    assert pair.answers[1].data == b"still"


def test_head_over_the_limit_is_not_queued(pair: Pair) -> None:
    """A frame that no batch can hold must not reach the transport."""
    with pytest.raises(FrameTooLargeError):
        pair.dialler.open(
            lambda head: head.headers.append(bytes(5 * limits.MIB)), None, print, print
        )
    assert not pair.dialler.exchanges
    assert not pair.dialler.outbox.has_output
    pair.open()
    pair.exchange()
    assert len(pair.accepted) == 1


def test_small_frames_leave_before_bodies_and_bodies_get_on(pair: Pair) -> None:
    """Order: control, heads and small messages; then bodies, in turn, in every batch.

    A body has its turns from the batch of its own head on, however many small frames there are.
    """
    pair.open(bytes(4 * limits.MIB))
    pair.exchange()
    accepted = pair.accepted[0]
    assert accepted.inbound is not None
    while accepted.inbound._window < limits.MIB:
        accepted.inbound.take()
        pair.exchange()
    while accepted.inbound.take():
        pass
    pair.send(back=True)
    pair.deliver(back=True)
    for _ in range(5):
        pair.open(bytes(60 * limits.KIB))
    long = pair.open(bytes(2 * limits.MIB)).number
    for _ in range(6):
        pair.open(bytes(60 * limits.KIB))
    batches = []
    while pair.send():
        batches.append([(frame.exchange, frame.HasField("open")) for frame in pair.there])
        pair.deliver()
    heads = [[number for number, is_head in batch if is_head] for batch in batches]
    bodies = [{number for number, is_head in batch if not is_head} for batch in batches]
    assert heads[:4] == [[2, 3, 4], [5, 6, long, 8], [9, 10, 11], [12, 13]]
    assert bodies[:4] == [{1}, {1}, {long}, {1}]
    for batch in batches:
        assert batch == sorted(batch, key=lambda frame: not frame[1])


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (Frame(exchange=9, data=b"x"), "never opened"),
        (Frame(exchange=1, open={}), "opened twice"),
        (Frame(exchange=2, open={}, end=True, data=bytes(65537)), "more data than credit"),
        (Frame(exchange=1, data=bytes(65537)), "more data than credit"),
        (Frame(exchange=1, head={}), "dialler answered"),
        (Frame(exchange=2, open={}, refused={}), "dialler answered"),
        (Frame(exchange=0, open={}), "without an exchange"),
        (Frame(exchange=0, data=b"x"), "without an exchange"),
    ],
)
def test_dialler_that_breaks_the_rules_ends_the_link(pair: Pair, frame: Frame, reason: str) -> None:
    """One reason each; nothing but ProtocolError."""
    pair.open(has_stream=True)
    pair.exchange()
    with pytest.raises(ProtocolError, match=reason):
        pair.listener.receive([frame])


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([Frame(exchange=2)], "never opened"),
        ([Frame(exchange=1, open={})], "opened an exchange"),
        ([Frame(exchange=1, data=b"x")], "without its head"),
        ([Frame(exchange=1, head={}), Frame(exchange=1, head={})], "second answer"),
        ([Frame(exchange=1, head={}), Frame(exchange=1, refused={})], "refusal after"),
        ([Frame(exchange=1, head={}, end=True), Frame(exchange=1, data=b"x")], "after its end"),
        ([Frame(exchange=1, head={}, data=bytes(65537))], "more data than credit"),
        ([Frame(exchange=1, head={}, data=bytes(65537), end=True)], "more data than credit"),
        ([Frame(exchange=1, credit=2**32 - 1)], "more credit"),
    ],
)
def test_listener_that_breaks_the_rules_ends_the_link(
    pair: Pair, frames: list[Frame], reason: str
) -> None:
    """One reason each; nothing but ProtocolError."""
    pair.open(has_stream=True)
    pair.exchange()
    with pytest.raises(ProtocolError, match=reason):
        pair.dialler.receive(frames)


def test_link_begins_with_a_hello() -> None:
    """Whoever speaks first says who it is."""
    pair = Pair()
    with pytest.raises(ProtocolError, match="hello"):
        pair.listener.receive([Frame(exchange=1, open={})])


def test_peer_that_writes_but_does_not_read_ends_its_link(pair: Pair) -> None:
    """Answers to pings pile up only so far."""
    pings = [Frame(ping=1)] * (limits.BACKLOG_FRAMES + 1)
    with pytest.raises(ProtocolError, match="does not read"):
        pair.listener.receive(pings)


def test_ping_is_answered_with_its_number(pair: Pair) -> None:
    """A sign of life from the event loop of the peer."""
    pair.dialler.ping()
    pair.send()
    pair.deliver()
    pair.send(back=True)
    assert [frame.pong for frame in pair.back] == [1]
