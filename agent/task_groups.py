"""A mended `asyncio.TaskGroup` for Python before 3.13.

A group whose child fails while the group is being left cancels its own task and forgets to take
that back, so that `cancelling()` says for ever after that somebody wants the task to end. The
boundary around a handler must be able to believe that count. Nothing else of the group changes.

Source: Python 3.13, asyncio.TaskGroup, "correct preservation of cancellation counts".
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

_original: Any = asyncio.TaskGroup.__aexit__


def install() -> None:
    """Mend TaskGroup in this process, where it needs that. May be called twice."""
    if sys.version_info < (3, 13):
        asyncio.TaskGroup.__aexit__ = _leave  # type: ignore[assignment]  # typed as it is here


async def _leave(
    self: Any,  # the fields used are not in the stubs
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    was_requested = self._parent_cancel_requested
    try:
        await _original(self, kind, error, trace)
    finally:
        if self._parent_cancel_requested and not was_requested:
            self._parent_task.uncancel()
