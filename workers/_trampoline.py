"""Running foreign code in its own context of context variables, within the caller's task.

A callee has its own context variables but no task of its own: a task would cost several times as
much as the whole hop. `run_in` is the whole of it; `first_step` and `finish` are its halves, for
where every fraction of a microsecond counts. The callee's cancellations are told from the caller's.
Nothing here knows of requests or workers.

The trick: step the coroutine by hand with `context.run(coroutine.send, …)` and
pass what it waits for on to the event loop with a bare `yield`.
"""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextvars import Context

T = TypeVar("T")

Step: TypeAlias = "tuple[Coroutine[Any, Any, Any] | None, Any, BaseException | None]"
"""How far a callee got: it waits (coroutine, what for), or is done (None, result, failure)."""


class StrayExitError(Exception):
    """The callee ended with a CancelledError or GeneratorExit that its caller did not cause."""


async def run_in(context: Context, function: Callable[..., Awaitable[T]], *args: object) -> T:
    """Call `function(*args)` and await the result, every step in `context`.

    Raises: what `finish` raises.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    step = context.run(first_step, function, *args)
    result: T = await finish(context, task, before, step)
    return result


def first_step(function: Callable[..., Any], *args: object) -> Step:
    """Call `function(*args)`, and run what it returns to its end or to where it first waits.

    To be run in the callee's context: `context.run(first_step, handler, ...)`. Most callees are
    done after it, and need no generator to drive them. Hand what is left, and every failure, to
    `finish`.
    """
    try:
        return _start(function(*args))
    except BaseException as error:  # noqa: BLE001 - the callee's: `finish` sorts it out
        return None, None, error


def _start(result: Any) -> Step:
    while hasattr(result, "__await__"):
        coroutine = _as_coroutine(result)
        try:
            return coroutine, coroutine.send(None), None
        except StopIteration as stop:
            result = stop.value
    return None, result, None


@types.coroutine
def finish(
    context: Context, task: asyncio.Task[Any], before: int, step: Step
) -> Generator[Any, Any, Any]:
    """Drive the callee to its end after its first step, and return the result.

    `task` is the current task, `before` what its `cancelling()` was before the first step. An
    awaitable that results in an awaitable is awaited in turn, as a JavaScript promise would be.

    Raises: CancelledError only if somebody other than the callee cancelled the task, and then
    always, even if the callee swallowed it; StrayExitError where the callee ended with a
    CancelledError of its own making (it awaited a cancelled task, or cancelled the current one);
    else whatever the callee raised, SystemExit and KeyboardInterrupt included.
    """
    coroutine, result, failure = step
    own = max(0, task.cancelling() - before)  # cancellations of the task that the callee asked for
    while coroutine is not None:
        result, failure, more = yield from _watch(context, coroutine, task, result)
        own += more
        coroutine = None
        if failure is None and hasattr(result, "__await__"):
            known = task.cancelling()
            coroutine, result, failure = context.run(first_step, lambda answer=result: answer)
            own += max(0, task.cancelling() - known)
    try:
        if own:
            yield from _take_back(task, min(own, task.cancelling() - before))
        if task.cancelling() > before:  # with its message, by which anyio knows its own
            words = failure.args if isinstance(failure, asyncio.CancelledError) else ()
            raise asyncio.CancelledError(*words) from failure
        if failure is None:
            return result
        if isinstance(failure, asyncio.CancelledError | GeneratorExit):
            raise StrayExitError from failure
        raise failure
    finally:
        failure = None  # a traceback that holds its own frame is garbage that counting misses


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
            raise
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
