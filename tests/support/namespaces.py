"""Worker namespaces under test, without a host: what runs on behalf of which worker."""

from __future__ import annotations

from contextvars import ContextVar, copy_context

CURRENT: ContextVar[str | None] = ContextVar("current", default=None)


def behalf_of(package, function):
    """Run `function` as the host does: with `current()` naming the worker."""
    context = copy_context()
    context.run(CURRENT.set, package)
    return context.run(function)


def ask(main):
    """Call `answer()` of a main module on behalf of its worker."""
    return behalf_of(main.__package__, main.answer)


def ask_two(start, files):
    """Start workers a and b with the same files; OWN in them reads "a1" and "b1"."""
    a, b = start("a", files), start("b", files)
    return ask(a), ask(b)
