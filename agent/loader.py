"""From a worker's files to a `WorkerHost`: import its modules, find its handlers.

User code runs here for the first time, in the worker's import-time context. Whatever goes wrong
becomes a `Problem` that names the file and the line. How modules get their names is the business of
`namespace.py`; how handlers are run, that of `host.py`.
"""

from __future__ import annotations

import inspect
import traceback
from contextvars import Context as Variables
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from agent.host import Entrypoint, WorkerHost
from agent.namespace import WorkerNamespace
from mesh.errors import ConfigError, Problem
from workers.context import Context, current
from workers.entrypoints import FetchEvent, WorkerEntrypoint, addEventListener
from workers.environment import Env

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from agent.background import Background
    from agent.host import Handler
    from workers.binding import Channel
    from workers.request import Request


def load_worker(
    worker: str,
    main: Path,
    *,
    names: Mapping[str, Any],
    outbound: Channel,
    background: Background,
    body_limit_bytes: int,
) -> WorkerHost:
    """Import the worker's main module and return it ready to be called.

    `names` is what the worker has in `env`, or, in the service-worker style, as globals.

    Raises: ConfigError.
    """
    namespace = WorkerNamespace(worker, main)
    variables = Variables()
    host = WorkerHost(
        worker,
        namespace,
        env=Env(worker, names),
        names=names,
        outbound=outbound,
        background=background,
        variables=variables,
        body_limit_bytes=body_limit_bytes,
    )
    try:
        namespace.builtins[addEventListener.__name__] = addEventListener
        if _names_in(namespace.compile_main(), addEventListener.__name__):
            host.give_globals()  # at once, for code that uses them while it is imported
        variables.run(current.set, Context(host, None))
        module = variables.run(namespace.import_main)
        host.entrypoints.update(_entrypoints(host, module))
    except ConfigError:
        raise
    except BaseException as error:  # user code may raise anything at import
        raise ConfigError([_import_problem(error, main, namespace)]) from error
    if not host.entrypoints:
        raise ConfigError([_no_handler(main)])
    return host


def _names_in(code: CodeType, name: str) -> bool:
    """Whether `name` is used in `code`, at any depth."""
    nested = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return name in code.co_names or any(_names_in(inner, name) for inner in nested)


def _entrypoints(host: WorkerHost, module: ModuleType) -> dict[str, Entrypoint]:
    found: dict[str, Entrypoint] = {}
    for name in _public_names(module):
        value = getattr(module, name, None)
        if (
            isinstance(value, type)
            and issubclass(value, WorkerEntrypoint)
            and value is not WorkerEntrypoint
        ):
            found[name] = Entrypoint(host, name, _class_handler(host, value))
    default = found.pop("Default", None)
    on_fetch = getattr(module, "on_fetch", None)
    styles = {
        "class Default": None if default is None else default._handler,
        "on_fetch": _function_handler(host, on_fetch) if callable(on_fetch) else None,
        "addEventListener": _event_handler(host.listeners[0]) if host.listeners else None,
    }
    defined = [style for style, handler in styles.items() if handler is not None]
    if len(defined) > 1:
        raise ConfigError(
            [
                Problem(
                    where=str(module.__file__),
                    reason=f"Cannot define multiple default entrypoints: {' and '.join(defined)}",
                    fix="keep one of them",
                )
            ]
        )
    for style in defined:
        handler = styles[style]
        assert handler is not None
        found[""] = Entrypoint(host, "", handler)
    return found


def _public_names(module: ModuleType) -> Iterator[str]:
    names = getattr(module, "__all__", None)
    yield from names if names is not None else [n for n in vars(module) if not n.startswith("_")]


def _class_handler(host: WorkerHost, cls: type[WorkerEntrypoint]) -> Handler:
    """Each invocation makes an instance and calls its `fetch` with as much as it takes."""
    fetch: Any = getattr(cls, "fetch", None)
    takes_request = fetch is not None and _positional_count(fetch) > 1
    env = host.env

    def handle(context: Context, request: Request) -> Any:
        current.set(context)
        entrypoint: Any = cls(context, env)
        if takes_request:
            return entrypoint.fetch(request)
        if fetch is None:
            raise TypeError("Handler does not export a fetch() function.")
        return entrypoint.fetch()

    return handle


def _function_handler(host: WorkerHost, function: Callable[..., Any]) -> Handler:
    """Module-level `on_fetch`, which takes any beginning of (request, env, ctx)."""
    count = min(_positional_count(function), 3)
    env = host.env

    def handle(context: Context, request: Request) -> Any:
        current.set(context)
        return function(*(request, env, context)[:count])

    return handle


def _event_handler(listener: Callable[[FetchEvent], Any]) -> Handler:
    async def handle(context: Context, request: Request) -> Any:
        current.set(context)
        event = FetchEvent(request, context)
        result = listener(event)
        if inspect.isawaitable(result):
            await result
        if event._answer is None:
            raise TypeError("the fetch listener returned without calling event.respondWith()")
        return event._answer  # awaited by the caller where it is awaitable

    return handle


def _positional_count(function: Callable[..., Any]) -> int:
    """How many positional arguments `function` takes; many where it takes any number."""
    count = 0
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return 99
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            count += 1
    return count


def _import_problem(error: BaseException, main: Path, namespace: WorkerNamespace) -> Problem:
    if isinstance(error, SyntaxError) and error.filename:
        return Problem(
            where=f"{error.filename}:{error.lineno}",
            reason=f"syntax error: {error.msg}",
            fix=f"mend the line: {(error.text or '').strip()}" if error.text else "",
        )
    where = str(main)
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).is_relative_to(main.parent):
            where = f"{frame.filename}:{frame.lineno}"
    name = namespace.public_name(f"{type(error).__module__}.{type(error).__qualname__}")
    reason = f"{name.removeprefix('builtins.')}: {error}"
    fix = "; ".join(getattr(error, "__notes__", ()))
    if not fix and isinstance(error, ModuleNotFoundError):
        fix = f"install {error.name!r} for the agent's Python, or put it beside {main.name}"
    return Problem(
        where=where,
        reason=f"cannot be imported: {reason}",
        fix=fix or "mend the line, or what it calls: a module is run when its worker is loaded",
    )


def _no_handler(main: Path) -> Problem:
    return Problem(
        where=str(main),
        reason="the worker has no handler",
        fix="define `class Default(WorkerEntrypoint)` with `async def fetch(self, request)`, "
        "a function `on_fetch(request, env, ctx)`, or call addEventListener",
    )
