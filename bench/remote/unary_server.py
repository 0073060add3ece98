"""A gRPC server that answers each unary call with the envelope of a response."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from bench.remote.certificates import HOST
from bench.remote.envelope import BODY, RESPONSE_FIELDS
from bench.remote.unary import METHOD, SERVICE, flat
from mesh.transport.channels import listen, new_server
from mesh.v1 import link_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_FIELDS = flat(RESPONSE_FIELDS)


async def _answer(request: link_pb2.Frame, context: object) -> link_pb2.Frame:  # noqa: ARG001 - gRPC's signature
    envelope = request.open
    list(envelope.headers)
    answer = link_pb2.Frame()
    answer.exchange = request.exchange
    answer.head.status = 200
    answer.head.headers.extend(_FIELDS)
    answer.head.has_body = True
    answer.head.body_length = len(BODY)
    answer.data = BODY
    answer.end = True
    answer.last.in_flight = 1
    return answer


@asynccontextmanager
async def listening(directory: Path) -> AsyncIterator[dict[str, str]]:  # noqa: ARG001 - the shape of all three
    """Listen on TCP."""
    server = new_server()
    method = grpc.unary_unary_rpc_method_handler(
        _answer,
        request_deserializer=link_pb2.Frame.FromString,
        response_serializer=link_pb2.Frame.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(SERVICE, {METHOD: method})]
    )
    port = listen(server, f"{HOST}:0")
    await server.start()
    yield {"tcp": f"{HOST}:{port}"}
    await server.stop(0)
