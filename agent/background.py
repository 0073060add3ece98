"""The owner of `waitUntil` tasks, which outlive the response that started them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from workers.context import Context

logger = logging.getLogger(__name__)


class Background:
    """Runs `waitUntil` tasks of all workers of a cell.

    A task may go on for `grace_seconds` after its invocation ended; then it is cut, and the log
    says which. An invocation's bodies are closed when the last of its tasks is done.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: dict[Context, asyncio.TimerHandle] = {}

    def __repr__(self) -> str:
        return f"<Background {len(self._tasks)} tasks, {len(self._ending)} ending>"

    def start(self, context: Context, awaitable: Awaitable[Any]) -> None:
        """Run `awaitable` for `context`. Raises: TypeError where it cannot be awaited."""
        if not hasattr(awaitable, "__await__"):
            raise TypeError(f"waitUntil() needs an awaitable, not {type(awaitable).__name__}")
        task = asyncio.get_running_loop().create_task(
            self._run(context, awaitable),
            name=getattr(awaitable, "__qualname__", type(awaitable).__name__),
        )
        if context._pending is None:
            context._pending = set()
        context._pending.add(task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, context: Context, awaitable: Awaitable[Any]) -> None:
        task = asyncio.current_task()
        assert task is not None
        assert context._pending is not None
        try:
            await awaitable
        except asyncio.CancelledError:
            if task.cancelling():
                raise
            logger.warning("wait_until.cancelled", extra=_fields(context, task))
        except BaseException:  # user code: not even SystemExit may end the cell
            logger.exception("wait_until.failed", extra=_fields(context, task))
        finally:
            context._pending.discard(task)
            if not context._pending and (timer := self._ending.pop(context, None)):
                timer.cancel()
                await context._finish()

    def cut_later(self, context: Context) -> None:
        """The invocation is over but for its tasks: cut them after the grace period."""
        timer = asyncio.get_running_loop().call_later(self._grace_seconds, self._cut, context)
        self._ending[context] = timer

    def _cut(self, context: Context) -> None:
        for task in context._pending or ():
            logger.warning("wait_until.cut", extra=_fields(context, task))
            task.cancel()

    async def wait(self, timeout_seconds: float) -> None:
        """Wait until every task is done, at most `timeout_seconds`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while self._tasks and loop.time() < deadline:  # a task may start others
            await asyncio.wait(self._tasks, timeout=deadline - loop.time())

    async def drain(self, timeout_seconds: float) -> None:
        """Wait until every task is done, at most `timeout_seconds`; then cut what is left."""
        await self.wait(timeout_seconds)
        for context in tuple(self._ending):
            self._cut(context)
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


def _fields(context: Context, task: asyncio.Task[None]) -> dict[str, str]:
    return {"worker": context._runtime.worker, "task": task.get_name()}
