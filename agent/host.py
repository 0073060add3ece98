"""A loaded worker and how its handlers are run.

`Entrypoint.dispatch` is the one place that runs a handler, whoever calls: another worker of the
process, the public edge, or a peer. It is also the boundary around user code: whatever a handler
raises leaves it as a CallError. It does not find workers; `loader.py` builds what is here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from mesh.wire.failures import for_caller, is_passed_on
from workers._trampoline import StrayExitError, finish, first_step
from workers.body import ByteStream
from workers.context import Context
from workers.environment import replace_names
from workers.errors import CallError
from workers.response import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextvars import Context as Variables

    from agent.background import Background
    from agent.namespace import WorkerNamespace
    from workers.binding import Channel
    from workers.context import Call
    from workers.environment import Env
    from workers.request import Request

    Handler = Callable[[Context, Request], Any]

logger = logging.getLogger(__name__)


class WorkerHost:
    """One worker of this process: its environment, and what its invocations share.

    `variables` are the context variables as the import of its modules left them; every invocation
    starts from a copy. `entrypoints` is filled by the loader; "" is the default one.
    """

    def __init__(
        self,
        worker: str,
        namespace: WorkerNamespace,
        *,
        env: Env,
        names: Mapping[str, Any],
        outbound: Channel,
        background: Background,
        variables: Variables,
        body_limit_bytes: int,
    ) -> None:
        self.worker = worker
        self.package = namespace.package
        self.env = env
        self.outbound = outbound
        self.variables = variables
        self.loop = asyncio.get_running_loop()
        self.body_limit_bytes = body_limit_bytes
        self.listeners: list[Callable[[Any], Any]] = []
        self.entrypoints: dict[str, Entrypoint] = {}
        self._namespace = namespace
        self._names = names
        self._has_globals = False
        self._background = background

    def __repr__(self) -> str:
        return f"<WorkerHost {self.worker} {sorted(self.entrypoints)}>"

    def add_listener(self, event: str, handler: Callable[[Any], Any]) -> None:
        """`addEventListener` of a service-worker style worker. Raises: ValueError."""
        if event != "fetch":
            logger.warning("listener.ignored", extra={"worker": self.worker, "event": event})
            return
        if self.listeners:
            raise ValueError('addEventListener("fetch", …) was already called by this worker')
        self.listeners.append(handler)
        self.give_globals()

    def give_globals(self) -> None:
        """Let the worker's modules see what is in `env` as globals: the service-worker style."""
        self._has_globals = True
        self._namespace.builtins.update(self._names)

    def replace_names(self, names: Mapping[str, Any]) -> None:
        """Let the worker have `names` in `env`, and as globals if it has those."""
        replace_names(self.env, names)
        if self._has_globals:
            for gone in self._names.keys() - names.keys():
                self._namespace.builtins.pop(gone, None)
            self._namespace.builtins.update(names)
        self._names = names

    def wait_until(self, context: Context, awaitable: Awaitable[Any]) -> None:
        """See `workers.context.Runtime`."""
        self._background.start(context, awaitable)

    def cut_later(self, context: Context) -> None:
        """See `workers.context.Runtime`."""
        self._background.cut_later(context)

    def close(self) -> None:
        """Forget the worker's modules, once nothing of it runs any more."""
        self._namespace.close()


class Entrypoint:
    """One handler of a worker.

    `handler` is called in the invocation's own context variables, where it has to set the current
    `Context` before anything else.
    """

    __slots__ = ("_handler", "_host", "name")

    def __init__(self, host: WorkerHost, name: str, handler: Handler) -> None:
        self._host = host
        self._handler = handler
        self.name = name

    async def dispatch(self, request: Request, call: Call, props_json: bytes = b"{}") -> Response:
        """Run the handler in an invocation of its own.

        `request` belongs to the invocation, the response to the caller. A streamed body of the
        response keeps the invocation open; close it.

        Raises: CallError; CancelledError where the caller was cancelled.
        """
        host = self._host
        context = Context(host, call, props_json)
        if isinstance(request._body, ByteStream):
            context._own(request._body)
        variables = host.variables.copy()
        task = asyncio.current_task(host.loop)
        assert task is not None
        before = task.cancelling()
        try:
            step = variables.run(first_step, self._handler, context, request)
            waiting, answer, failure = step
            if waiting is not None or failure is not None or task.cancelling() != before:
                answer = await finish(variables, task, before, step)
            outcome: Response | CallError = self._checked(answer)
        except asyncio.CancelledError:
            await context._finish()
            raise
        except GeneratorExit:  # the event loop is gone: nothing can be awaited
            raise
        except BaseException as error:  # noqa: BLE001 - the boundary around a worker's handler
            outcome = self._failed(error, call)
        if isinstance(outcome, Response) and isinstance(outcome._body, ByteStream):
            outcome._body = _ResponseStream(outcome._body, self, context)
            return outcome
        if context._streams or context._pending:
            await context._finish()
        else:
            context._is_over = True
        if isinstance(outcome, CallError):
            raise outcome
        return outcome

    def _checked(self, answer: object) -> Response:
        """The response for the caller. Raises: TypeError, BodyUsedError."""
        if isinstance(answer, Response):
            return answer._hand_over()
        raise TypeError(
            f"the handler of {self._host.worker} must return a Response, "
            f"not {type(answer).__name__}"
        )

    def _failed(self, error: BaseException, call: Call) -> CallError:
        """Log what the handler raised, once, and turn it into what the caller gets."""
        if isinstance(error, StrayExitError):
            error = error.__cause__ or error
        fields = {
            "worker": self._host.worker,
            "entrypoint": self.name or "Default",
            "caller": call.caller or "public",
            "request_id": call.tree.request_id,
        }
        if not is_passed_on(error):
            logger.error("worker.failed", extra=fields, exc_info=error)
        return for_caller(error, call, self._host.worker)


class _ResponseStream(ByteStream):
    """The body of a response that keeps its invocation open, until it is read or closed."""

    __slots__ = ("_context", "_entrypoint", "_source")

    def __init__(self, source: ByteStream, entrypoint: Entrypoint, context: Context) -> None:
        super().__init__(source.length)
        self._source = source
        self._entrypoint = entrypoint
        self._context = context

    async def _next(self) -> bytes:
        call = self._context._call
        assert call is not None
        try:
            return await anext(self._source, b"")
        except (asyncio.CancelledError, GeneratorExit):  # the reader's own
            raise
        except BaseException as error:  # noqa: BLE001 - the handler's, only later
            failure = self._entrypoint._failed(error, call)
        raise failure

    async def _close(self) -> None:
        try:
            await self._context._close_stream(self._source)
        finally:
            await self._context._finish()
