"""Running foreign code in its own context of context variables, within the caller's task.

A callee has its own context variables but no task of its own: a task would cost several times as
much as the whole hop. `drive` switches the context only. `run_callee` also tells the callee's
cancellations from the caller's. Nothing here knows of requests or workers.

The trick is the same in both: step the coroutine by hand with `context.run(coroutine.send, …)` and
pass what it waits for on to the event loop with a bare `yield`.
"""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextvars import Context

T = TypeVar("T")


class StrayExitError(Exception):
    """The callee ended with a CancelledError or GeneratorExit that its caller did not cause."""


@types.coroutine
def drive(context: Context, awaitable: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await `awaitable` with every step of it run in `context`."""
    coroutine = _as_coroutine(awaitable)
    step: Callable[[Any], Any] = coroutine.send
    argument: Any = None
    while True:
        try:
            waited = context.run(step, argument)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # StopIteration is untyped
        try:
            argument = yield waited
            step = coroutine.send
        except GeneratorExit:
            context.run(coroutine.close)
            raise
        except BaseException as error:  # noqa: BLE001 - thrown by the event loop: pass it on
            step, argument = coroutine.throw, error


class _Closed(GeneratorExit):
    """The caller's own coroutine is being closed; nothing that the callee raised."""


@types.coroutine
def run_callee(
    loop: asyncio.AbstractEventLoop,
    context: Context,
    function: Callable[..., Any],
    *args: object,
) -> Generator[Any, Any, Any]:
    """Call `function(*args)` in `context`, await what it returns there, and return the result.

    `loop` is the running event loop. An awaitable that results in an awaitable is awaited in turn,
    as a JavaScript promise would be.

    Raises: CancelledError only if somebody other than the callee cancelled this task, and then
    always, even if the callee swallowed it; StrayExitError where the callee ended with a
    CancelledError of its own making (it awaited a cancelled task, or cancelled the current one);
    else whatever the callee raised, SystemExit and KeyboardInterrupt included.
    """
    task = asyncio.current_task(loop)
    assert task is not None
    before = known = task.cancelling()
    own = 0  # cancellations of this task that the callee asked for
    result: Any = None
    failure: BaseException | None = None
    try:
        result = context.run(function, *args)
        while hasattr(result, "__await__"):
            coroutine = _as_coroutine(result)
            try:
                waited = context.run(coroutine.send, None)
            except StopIteration as stop:
                result = stop.value
            else:
                own += max(0, task.cancelling() - known)
                result, failure, more = yield from _watch(context, coroutine, task, waited)
                own += more
                known = task.cancelling()
    except _Closed:
        raise
    except BaseException as error:  # noqa: BLE001 - the callee's: sorted out below
        failure = error
    now = task.cancelling()
    own += max(0, now - known)
    if failure is None and now == before:
        return result
    return (yield from _settle(task, before, own, result, failure))


def _watch(
    context: Context, coroutine: Coroutine[Any, Any, Any], task: asyncio.Task[Any], waited: Any
) -> Generator[Any, Any, tuple[Any, BaseException | None, int]]:
    """Drive `coroutine`, which waits for `waited`, to its end.

    Returns its result, or what it raised, and how many times it cancelled `task` itself: what
    rises while it runs is its own doing, what rises while it waits is not.
    """
    own = 0
    while True:
        try:
            argument = yield waited
            step: Callable[[Any], Any] = coroutine.send
        except GeneratorExit:
            context.run(coroutine.close)
            raise _Closed from None
        except BaseException as error:  # noqa: BLE001 - thrown by the event loop: pass it on
            step, argument = coroutine.throw, error
        known = task.cancelling()
        try:
            waited = context.run(step, argument)
        except StopIteration as stop:
            return stop.value, None, own + max(0, task.cancelling() - known)
        except BaseException as error:  # noqa: BLE001 - the caller sorts it out
            return None, error, own + max(0, task.cancelling() - known)
        own += max(0, task.cancelling() - known)


def _settle(
    task: asyncio.Task[Any], before: int, own: int, result: Any, failure: BaseException | None
) -> Generator[None, None, Any]:
    """End a call that failed, or in which the task was cancelled; see `run_callee`."""
    try:
        if own:
            yield from _take_back(task, min(own, task.cancelling() - before))
        if task.cancelling() > before:
            raise asyncio.CancelledError from failure
        if failure is None:
            return result
        if isinstance(failure, asyncio.CancelledError | GeneratorExit):
            raise StrayExitError from failure
        raise failure
    finally:
        failure = None  # a traceback that holds its own frame is garbage that counting misses


def _take_back(task: asyncio.Task[Any], count: int) -> Generator[None, None, None]:
    """Undo `count` cancellations of the current task that the callee asked for.

    Before Python 3.13 `uncancel` leaves a request that was not yet delivered in place; it arrives
    at the next suspension, which is made here for that purpose.
    """
    for _ in range(count):
        task.uncancel()
    try:
        yield
    except asyncio.CancelledError:
        pass  # if somebody else asked for it as well, the task's count still says so


def _as_coroutine(awaitable: Awaitable[T]) -> Coroutine[Any, Any, T]:
    return awaitable if type(awaitable) is types.CoroutineType else _wait_for(awaitable)


async def _wait_for(awaitable: Awaitable[T]) -> T:
    return await awaitable
