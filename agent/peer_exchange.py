"""One exchange at the called cell: admitted, dispatched, answered.

admit ──refused──▶ Refused
  │  └──stale──▶ wait for a newer view, at most a second ──▶ admit once more
  └──admitted──▶ dispatch ──▶ head, body … last
                    └──▶ Reset with the failure
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from mesh.channel.bodies import ArrivingStream, Pump, close_stream
from mesh.errors import ProtocolError
from mesh.v1 import link_pb2
from mesh.wire.body_failures import from_body_failure
from mesh.wire.envelope import to_call, to_request, write_response
from mesh.wire.failures import for_caller, to_failure
from mesh.wire.outbox import FrameTooLargeError
from workers.body import ByteStream
from workers.errors import BodyClosedError, CallError, DeadlineExceeded

if TYPE_CHECKING:
    from mesh.channel.bodies import BrokenOff
    from mesh.channel.local import Dispatch
    from mesh.v1.link_pb2 import Frame, Last
    from mesh.wire.listener import AcceptedExchange
    from workers.context import Call
    from workers.response import Response

logger = logging.getLogger(__name__)

STALE_SECONDS: Final = 1.0
"""What an exchange waits for a view that is as new as its caller's."""


_NO_HEAD: Final = link_pb2.Open()


class Admitted(msgspec.Struct, frozen=True):
    """An exchange may go ahead, to this entrypoint."""

    dispatch: Dispatch
    props_json: bytes
    target: str
    """The called worker, `name` or `name@environment`."""


class Admission(Protocol):
    """Says what an exchange leads to, by this cell's own view of the mesh."""

    def admit(self, head: link_pb2.Open, /) -> Admitted | link_pb2.Refused:
        """Where the binding that `head` names leads, or why nowhere."""

    async def wait_newer(self, revision: int, /) -> None:
        """Wait until the view is at `revision` at least."""


class Load(msgspec.Struct):
    """What runs in the cell for its peers."""

    in_flight: int = 0


class PeerExchange:
    """Runs the handler of one exchange."""

    __slots__ = ("_admission", "_call", "_data", "_exchange", "_head", "_load", "_target", "_task")
    _task: asyncio.Task[None]

    def __init__(
        self, exchange: AcceptedExchange, frame: Frame, admission: Admission, load: Load
    ) -> None:
        self._exchange = exchange
        self._head = frame.open
        self._data = frame.data
        self._admission = admission
        self._load = load
        self._call: Call = to_call(frame.open, asyncio.get_running_loop().time())
        self._target = ""

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Run it as a task of `tasks`."""
        exchange = self._exchange
        self._load.in_flight += 1
        self._task = task = tasks.create_task(self._run())
        exchange.on_cancel = task.cancel
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._load.in_flight -= 1
        if task.cancelled():  # of no consequence where the caller, or the link, asked for it
            self._fail(self._error(CallError, "the call was cancelled in the called cell"))
        self._exchange.handler_ended()

    async def _run(self) -> None:
        """Answer, whatever happens: an exception that left this task would end the whole link."""
        try:
            await self._answer()
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # not even SystemExit may end the cell
            logger.exception("peer.failed", extra={"target": self._target})
            self._fail(self._error(CallError, f"the called cell failed: {type(error).__name__}"))

    async def _answer(self) -> None:
        try:
            admitted = await self._admit()
            if isinstance(admitted, Admitted):
                self._target = admitted.target
                await self._respond(await self._dispatch(admitted))
            else:
                self._exchange.refuse(admitted.reason, admitted.message)
        except CallError as error:
            self._fail(error)
        except (ProtocolError, FrameTooLargeError) as error:
            self._fail(self._error(CallError, f"the call cannot cross the link: {error}"))

    async def _admit(self) -> Admitted | link_pb2.Refused:
        head = self._head
        admitted = self._admission.admit(head)
        if isinstance(admitted, Admitted) or admitted.reason != link_pb2.Refused.STALE:
            return admitted
        limit = asyncio.get_running_loop().time() + STALE_SECONDS
        if self._call.deadline is not None:
            limit = min(limit, self._call.deadline)
        try:
            async with asyncio.timeout_at(limit):
                await self._admission.wait_newer(head.revision)
        except TimeoutError:
            pass  # perhaps it is good enough all the same
        return self._admission.admit(head)

    async def _dispatch(self, admitted: Admitted) -> Response:
        """Run the handler. Raises: CallError, ProtocolError."""
        call = self._call
        request = to_request(self._head, self._request_body())
        self._head, self._data = _NO_HEAD, b""  # it keeps the memory of the batch it came in
        if call.deadline is None:
            return await admitted.dispatch(request, call, admitted.props_json)
        try:
            async with asyncio.timeout_at(call.deadline):
                return await admitted.dispatch(request, call, admitted.props_json)
        except TimeoutError as error:
            if isinstance(error, CallError):  # the callee's own, which stands for its class too
                raise
            reason = f"{self._target} did not answer before the deadline"
            raise self._error(DeadlineExceeded, reason) from None

    def _request_body(self) -> bytes | ByteStream | None:
        head, inbound = self._head, self._exchange.inbound
        if not head.has_body:
            return None
        if inbound is None:
            return self._data
        length = head.body_length if head.HasField("body_length") else None
        return ArrivingStream(inbound, length, _broken_off)

    async def _respond(self, response: Response) -> None:
        """Send what the handler returned. Raises: FrameTooLargeError."""
        exchange, body = self._exchange, response._body

        def fill(head: link_pb2.Head) -> None:
            write_response(head, response, body)

        if not isinstance(body, ByteStream):
            exchange.respond(fill, body, self._fill_last)
            return
        try:
            exchange.respond(fill, None, self._fill_last, has_stream=True)
            if exchange.outbound is not None:
                await self._pump(body)
        finally:
            await close_stream(body)

    async def _pump(self, body: ByteStream) -> None:
        exchange = self._exchange
        assert exchange.outbound is not None
        pump = Pump(body, exchange.outbound)
        exchange.outbound.on_change = pump.wake
        exchange.on_stop = self._task.cancel
        try:
            await pump.run()
        except Exception as error:  # noqa: BLE001 - the handler's, only later
            self._fail(for_caller(error, self._call, self._target))
        else:
            exchange.finish(self._fill_last)

    def _error(self, kind: type[CallError], reason: str) -> CallError:
        call = self._call
        return kind(
            f"worker {call.caller} called env.{call.binding}: {reason}",
            caller=call.caller,
            binding=call.binding,
            target=self._target or None,
        )

    def _fail(self, error: CallError) -> None:
        self._exchange.fail(to_failure(error), self._fill_last)

    def _fill_last(self, last: Last) -> None:
        last.invocations = self._call.tree.used
        last.in_flight = self._load.in_flight


def _broken_off(failure: BrokenOff) -> Exception:
    """What the reader of a request's body gets when the caller's side of it fails."""
    if isinstance(failure, link_pb2.BodyFailure):
        return from_body_failure(failure)
    return BodyClosedError("the caller's body broke off: the call is over")
