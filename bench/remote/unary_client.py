"""One call of grpc.aio for each small call. It has no streams."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

from bench.remote.envelope import BODY, PATH, REQUEST_FIELDS, check
from bench.remote.unary import METHOD, SERVICE, flat
from mesh.transport.channels import open_channel
from mesh.v1 import link_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc import aio

    from bench.remote.client import Flow

_FIELDS = flat(REQUEST_FIELDS)
_TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"


class UnaryClient:
    """See `bench.remote.client.Client`."""

    def __init__(self, channel: aio.Channel) -> None:
        self._fetch = channel.unary_unary(
            f"/{SERVICE}/{METHOD}",
            request_serializer=link_pb2.Frame.SerializeToString,
            response_deserializer=link_pb2.Frame.FromString,
        )

    async def call(self) -> None:
        answer = await self._fetch(_request())
        status, body = answer.head.status, answer.data
        list(answer.head.headers)
        check(is_right=status == 200 and body == BODY, what=f"{status} {body!r}")

    async def download(self, length: int, flow: Flow) -> NoReturn:
        raise NotImplementedError

    async def upload(self, length: int) -> NoReturn:
        raise NotImplementedError


def _request() -> link_pb2.Frame:
    frame = link_pb2.Frame()
    frame.exchange = 1
    envelope = frame.open
    envelope.binding = "gateway/AUTH/0123456789abcdef"
    envelope.caller = "gateway"
    envelope.revision = 42
    envelope.remaining_ms = 29_500
    envelope.traceparent = _TRACEPARENT
    envelope.invocations = 2
    envelope.invocation_limit = 32
    envelope.method = "POST"
    envelope.url = f"http://callee{PATH}"
    envelope.headers.extend(_FIELDS)
    envelope.has_body = True
    envelope.body_length = len(BODY)
    frame.data = BODY
    frame.end = True
    return frame


@asynccontextmanager
async def connect(address: str, *, tls: bool) -> AsyncIterator[UnaryClient]:
    """See `bench.remote.client.Connect`; there is no TLS."""
    assert not tls
    async with open_channel(address) as channel:
        yield UnaryClient(channel)
