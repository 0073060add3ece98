"""How the services say that they did not do something: gRPC statuses, and never a stray exception.

gRPC sends the text of an exception that a handler raises to the peer; here it goes to the log.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc import aio

from mesh.control.rejected import Rejected, Rejection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger(__name__)

STATUS: Final = {
    Rejection.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Rejection.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Rejection.TAKEN: grpc.StatusCode.FAILED_PRECONDITION,
    Rejection.STALE: grpc.StatusCode.ABORTED,
    Rejection.FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Rejection.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}


@asynccontextmanager
async def answered(context: aio.ServicerContext[Any, Any], rpc: str) -> AsyncIterator[None]:
    """Turn what a handler raises into the status of its call. Any: every kind of message."""
    try:
        yield
    except aio.AbortError:
        raise
    except aio.InternalError:
        logger.debug("rpc.peer_gone", extra={"rpc": rpc})  # nobody is left to be told
    except Rejected as error:
        await context.abort(STATUS[error.kind], str(error))
    except Exception:  # a peer's request enters here
        logger.exception("rpc.failed", extra={"rpc": rpc})
        await context.abort(grpc.StatusCode.INTERNAL, "the control plane failed; its log says how")
