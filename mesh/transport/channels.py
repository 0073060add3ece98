"""Channels and servers of gRPC with the options that a mesh needs.

The defaults of gRPC are for the open internet: a dead peer goes unnoticed for a minute, one that is
back is found after ten seconds, and two servers may share a port unnoticed. Each option here has
its measurement in docs/adr/0001. Credentials are the seam for mutual TLS; None is plaintext.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpc import aio

from mesh.errors import StartError

if TYPE_CHECKING:
    from typing import TypeAlias

    import grpc

    Credentials: TypeAlias = grpc.ChannelCredentials
    ServerCredentials: TypeAlias = grpc.ServerCredentials

MESSAGE_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""The largest message; a larger one ends its stream, so it must never be sent."""

ADMIN_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""The largest answer of the Admin API, which lists a whole mesh at once."""

_KEEPALIVE_MS: Final = 2000

_COMMON: Final[list[tuple[str, Any]]] = [  # Any: gRPC takes numbers and text
    ("grpc.max_send_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.http2.ping_timeout_ms", _KEEPALIVE_MS),  # keepalive_timeout_ms does nothing
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]

DIALLER_OPTIONS: Final[list[tuple[str, Any]]] = [
    *_COMMON,
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),  # in truth the least time that an attempt may take
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),  # a proxy in the environment is not for the mesh
]

LISTENER_OPTIONS: Final[list[tuple[str, Any]]] = [
    *_COMMON,
    ("grpc.so_reuseport", 0),
    # less than what a dialler keeps to, or it is sent away for too many pings; the name in gRPC's
    # documentation, min_recv_ping_..., is not the one that its core reads
    ("grpc.http2.min_ping_interval_without_data_ms", _KEEPALIVE_MS // 2),
]


def open_channel(
    address: str,
    credentials: Credentials | None = None,
    *,
    receive_limit_bytes: int = MESSAGE_LIMIT_BYTES,
) -> aio.Channel:
    """A channel to `address` ("HOST:PORT" or "unix:PATH"); nothing is dialled before its first use.

    The caller closes it.
    """
    options = _with_limit(DIALLER_OPTIONS, "receive", receive_limit_bytes)
    if credentials is None:
        return aio.insecure_channel(address, options=options)
    return aio.secure_channel(address, credentials, options=options)


def new_server(send_limit_bytes: int = MESSAGE_LIMIT_BYTES) -> aio.Server:
    """A server without services and without an address."""
    return aio.server(options=_with_limit(LISTENER_OPTIONS, "send", send_limit_bytes))


def _with_limit(
    options: list[tuple[str, Any]], direction: str, limit_bytes: int
) -> list[tuple[str, Any]]:
    return [*(dict(options) | {f"grpc.max_{direction}_message_length": limit_bytes}).items()]


def listen(server: aio.Server, address: str, credentials: ServerCredentials | None = None) -> int:
    """Let `server` listen on `address`. Returns the port, 1 for a Unix socket.

    Raises: StartError where that is not possible.
    """
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise StartError(
            f"{address}: cannot listen there; stop what does, or choose another address"
        ) from error
