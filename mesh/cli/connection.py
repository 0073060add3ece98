"""A command's connection to the Admin API, which is all that `meshctl` knows of a control plane.

Whatever gRPC raises inside leaves as a CommandError. No request is built and no answer read here.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

import grpc

from mesh.cli.failure import NotAskedError, RefusedError
from mesh.transport.channels import ADMIN_LIMIT_BYTES, MESSAGE_LIMIT_BYTES
from mesh.transport.reasons import is_no_connection, short_reason
from mesh.v1.admin_pb2_grpc import AdminStub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh.cli.failure import CommandError

_OPTIONS: Final = (
    ("grpc.max_send_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.max_receive_message_length", ADMIN_LIMIT_BYTES),
    ("grpc.enable_http_proxy", 0),
)
"""Not those of a link: its short backoff would also end the attempt to connect, and a command has
--timeout for that and no second attempt."""


@contextmanager
def connect(address: str) -> Iterator[AdminStub]:
    """The Admin API at `address`; nothing is dialled before the first call.

    Raises: CommandError, also instead of any gRPC error inside.
    """
    if not _is_utf8(address):
        raise NotAskedError(f"{address}: gRPC knows only addresses in UTF-8; name another one")
    with grpc.insecure_channel(address, options=_OPTIONS) as channel:
        try:
            yield AdminStub(channel)
        except grpc.RpcError as error:
            raise _to_command_error(address, error) from error


def _to_command_error(address: str, error: grpc.RpcError) -> CommandError:
    call = cast("grpc.Call", error)  # what a stub raises is both
    code, details = call.code(), call.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        return NotAskedError(_unavailable(address, details))
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return NotAskedError(
            f"{address}: no answer in time; look at what holds before you repeat a change, "
            "and allow more time with --timeout"
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return NotAskedError(
            f"{address}: what listens there does not know this request; name a control plane "
            "whose version is not older than that of meshctl"
        )
    if code in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}:
        return RefusedError(f"{address}: the control plane failed; its log says why")
    return RefusedError(details or f"the control plane refused it: {code.name}")


def _unavailable(address: str, details: str) -> str:
    if is_no_connection(details):
        return (
            f"{address}: no control plane can be reached there ({short_reason(details)}); start "
            "it, or name another one with --control"
        )
    return f"{address}: {details or 'the connection was lost'}; try again"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of a command line or a path that are none
        return False
    return True
