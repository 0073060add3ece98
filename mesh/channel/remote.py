"""The channel to a worker in another process: the manners of `LocalChannel` over a link.

It tries the endpoints of its target in turn, and goes on to the next one only where the call was
surely not started; anything else is the caller's to decide. It does not balance by load.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from mesh.channel.bodies import ArrivingStream, close_stream
from mesh.channel.local import for_callee
from mesh.channel.upload import Upload
from mesh.errors import ProtocolError
from mesh.v1 import link_pb2
from mesh.wire.body_failures import from_body_failure
from mesh.wire.dialler import Lost
from mesh.wire.envelope import Envelope, to_response, write_call
from mesh.wire.failures import from_failure
from mesh.wire.outbox import FrameTooLargeError
from workers.body import ByteStream, HandedStream
from workers.context import disown_stream
from workers.errors import (
    CallError,
    DeadlineExceeded,
    LinkLost,
    NotBound,
    ServiceUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mesh.channel.bodies import BrokenOff
    from mesh.channel.link import Link
    from mesh.channel.links import Links
    from mesh.routing.endpoint import Endpoint, RemoteTarget
    from mesh.wire.dialler import Answer, DialledExchange
    from workers.context import Call
    from workers.request import Request
    from workers.response import Response

_MAX_MS = 2**32 - 1


class RemoteChannel:
    """One binding to an entrypoint that other processes run."""

    __slots__ = ("_links", "_target", "_turn")

    def __init__(self, links: Links, target: RemoteTarget) -> None:
        self._links = links
        self._target = target
        self._turn = 0

    def call(self, request: Request, call: Call) -> Awaitable[Response]:
        """Send `request`, which is the channel's from now on. Raises: CallError, BodyUsedError."""
        body = request._take()
        envelope = Envelope.from_request(request, body)
        if isinstance(body, ByteStream):
            disown_stream(body)
            body = HandedStream(body, for_callee)
        return _RemoteCall(self._links, self._target, envelope, body, call).run(self._order())

    def _order(self) -> list[Endpoint]:
        """The endpoints to try: fresh ones that were reached lately first, equals in turn."""
        endpoints = self._target.endpoints
        if len(endpoints) < 2:
            return list(endpoints)
        self._turn = turn = (self._turn + 1) % len(endpoints)
        links = self._links
        return sorted(
            endpoints[turn:] + endpoints[:turn],
            key=lambda endpoint: (links.is_failing(endpoint), endpoint.is_stale),
        )


class _RemoteCall:
    """One call, over as many exchanges as it takes to start it once."""

    __slots__ = ("_body", "_call", "_envelope", "_links", "_loop", "_target", "_upload")

    def __init__(
        self,
        links: Links,
        target: RemoteTarget,
        envelope: Envelope,
        body: bytes | ByteStream | None,
        call: Call,
    ) -> None:
        self._links = links
        self._target = target
        self._envelope = envelope
        self._body = body
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._upload: Upload | None = None

    async def run(self, endpoints: list[Endpoint]) -> Response:
        """Ask one endpoint after the other until one has started it. Raises: CallError."""
        reasons: dict[str, None] = {}  # in order, each once
        try:
            for endpoint in endpoints:
                if self._links.is_closed:
                    reasons["this cell is stopping"] = None
                    break
                answer = await self._ask(self._links.link(endpoint))
                if not isinstance(answer, str):
                    return answer
                reasons[f"agent {endpoint.agent} {answer}"] = None
                if self._upload is not None and not self._upload.is_held:
                    break
        except BaseException:
            await self._drop_body()
            raise
        await self._drop_body()
        raise self._error(ServiceUnavailable, "; ".join(reasons) or "nobody runs it")

    async def _drop_body(self) -> None:
        """Close a streamed body that was not sent."""
        if self._upload is not None and self._upload.has_begun:
            self._upload.give_up()
        elif isinstance(self._body, ByteStream):
            await close_stream(self._body)

    async def _ask(self, link: Link) -> Response | str:
        """One exchange: the response, or why it was not started. Raises: CallError."""
        if link.end.is_full:
            return "is busy: its link has no room for another exchange"
        waiter: asyncio.Future[Answer | None] = self._loop.create_future()
        exchange = self._open(link, waiter)
        timer = None
        if self._call.deadline is not None:
            timer = self._loop.call_at(self._call.deadline, _expire, waiter)
        try:
            return self._understood(await waiter, exchange)
        except BaseException:
            exchange.cancel()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _understood(self, answer: Answer | None, exchange: DialledExchange) -> Response | str:
        """What `answer`, None where it is too late for one, means. Raises: CallError."""
        if answer is None:
            raise self._too_late()
        if isinstance(answer, Lost):
            return self._lost(answer)
        if answer.HasField("head"):
            return self._respond(exchange, answer)
        if answer.HasField("refused"):
            return self._refused(answer.refused)
        raise from_failure(answer.reset.failure)

    def _open(self, link: Link, waiter: asyncio.Future[Answer | None]) -> DialledExchange:
        def settle(answer: Answer) -> None:
            if self._upload is not None:
                self._upload.hold() if _is_not_started(answer) else self._upload.commit()
            if not waiter.done():
                waiter.set_result(answer)

        body = self._body
        is_stream = isinstance(body, ByteStream)
        try:
            exchange = link.end.open(
                self._write,
                None if is_stream else body,  # type: ignore[arg-type]  # checked in is_stream
                settle,
                self._count(),
                has_stream=is_stream,
            )
        except FrameTooLargeError as error:
            raise self._error(CallError, f"the request cannot be sent: {error}") from None
        self._call.tree.abroad += 1
        if isinstance(body, ByteStream):
            if self._upload is None:
                self._upload = Upload(body)
            link.upload(self._upload, exchange)
        return exchange

    def _write(self, head: link_pb2.Open) -> None:
        call, target = self._call, self._target
        head.binding = target.binding
        head.revision = target.revision
        if call.deadline is not None:
            left = math.ceil((call.deadline - self._loop.time()) * 1000)
            if left <= 0:
                raise self._too_late()
            head.remaining_ms = min(left, _MAX_MS)
        write_call(head, call)
        self._envelope.write_to(head)

    def _count(self) -> Callable[[link_pb2.Last | None], None]:
        """What adds the invocations over there to ours, once the call is over."""
        tree = self._call.tree
        before = tree.used

        def add(last: link_pb2.Last | None) -> None:
            tree.abroad -= 1
            if last is not None:
                tree.used += max(0, last.invocations - before)

        return add

    def _respond(self, exchange: DialledExchange, frame: link_pb2.Frame) -> Response:
        head = frame.head
        body: bytes | ByteStream | None = None
        if exchange.inbound is not None:
            length = head.body_length if head.HasField("body_length") else None
            body = ArrivingStream(exchange.inbound, length, self._broken_off)
        elif head.has_body:
            body = frame.data
        try:
            return to_response(head, body)
        except ProtocolError as error:
            raise self._error(CallError, f"the response cannot be read: {error}") from None

    def _broken_off(self, failure: BrokenOff) -> Exception:
        if isinstance(failure, link_pb2.Failure):
            return from_failure(failure)
        if isinstance(failure, link_pb2.BodyFailure):
            return from_body_failure(failure)
        return self._error(LinkLost, f"the response broke off: {failure}")

    def _lost(self, lost: Lost) -> str:
        if lost.was_sent:
            raise self._error(
                LinkLost,
                f"the connection was lost while the call was under way ({lost.reason}); "
                "it may have run",
            )
        return f"cannot be reached: {lost.reason}"

    def _refused(self, refused: link_pb2.Refused) -> str:
        if refused.reason == link_pb2.Refused.DENIED:
            call, service = self._call, self._target.service
            raise NotBound(
                f"worker {call.caller} called env.{call.binding}, but is not bound to service "
                f"{service} there: bind it with `meshctl bind {call.caller} "
                f"{call.binding}={service}`",
                caller=call.caller,
                binding=call.binding,
                target=service,
            )
        name = link_pb2.Refused.Reason.Name(refused.reason) if refused.reason < 6 else "UNKNOWN"
        return f"refused the call: {refused.message or name.lower()}"

    def _too_late(self) -> CallError:
        return self._error(DeadlineExceeded, "no answer before the deadline")

    def _error(self, kind: type[CallError], reason: str) -> CallError:
        call, service = self._call, self._target.service
        return kind(
            f"worker {call.caller} called env.{call.binding}, which is bound to service "
            f"{service}: {reason}",
            caller=call.caller,
            binding=call.binding,
            target=service,
        )


def _is_not_started(answer: Answer) -> bool:
    return not answer.was_sent if isinstance(answer, Lost) else answer.HasField("refused")


def _expire(waiter: asyncio.Future[Answer | None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
