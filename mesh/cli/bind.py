"""`meshctl bind` and `meshctl unbind`: change who may call whom, live."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mesh.cli import describe, text
from mesh.cli.arguments import (
    parse_assignment,
    parse_binding_name,
    parse_props,
    parse_worker,
    to_target,
)
from mesh.cli.failure import warning
from mesh.cli.session import Session, Writing, asks_control, writes
from mesh.v1.admin_pb2 import RemoveBindingRequest, ResetBindingRequest, SetBindingRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mesh.config.model import ServiceConfig
    from mesh.v1.admin_pb2 import BindingChange
    from mesh.v1.admin_pb2_grpc import AdminStub


@click.command()
@click.argument("caller", type=parse_worker)
@click.argument("bindings", nargs=-1, required=True, metavar="BINDING=SERVICE...")
@click.option(
    "--reset", is_flag=True, help="Return BINDING... to what the caller's configuration declares."
)
@click.option(
    "--props",
    type=parse_props,
    metavar="JSON",
    help="What the callee reads as ctx.props, an object.",
)
@writes
@asks_control
def bind(
    session: Session,
    *,
    caller: str,
    bindings: tuple[str, ...],
    reset: bool,
    props: dict[str, Any] | None,  # Any: JSON values
    writing: Writing,
) -> None:
    """Bind a worker to a service, live.

    BINDING is a name in the env of the worker CALLER. A service is written
    SERVICE[@ENVIRONMENT][#Entrypoint], and need not be there yet. What is set wins over what the
    caller's wrangler.toml declares. The command returns when every agent has confirmed: the next
    request takes the new way. It prints what holds then.

    Exit code: 0 done, 1 refused or not confirmed by every agent, 2 not asked. Several bindings are
    set one after the other.

    \b
    Example:
      meshctl bind gateway AUTH=auth2
      meshctl bind gateway AUTH=auth@staging#Admin --props '{"role": "reader"}'
      meshctl bind --reset gateway AUTH
    """
    writing.require_one(bindings)
    if not reset:
        _set(session, caller, _targets(bindings, props), writing)
        return
    if props is not None:
        raise click.UsageError("--props does not go with --reset")
    options = writing.to_message()

    def change(admin: AdminStub, name: str, timeout: float) -> BindingChange:
        request = ResetBindingRequest(caller=caller, name=name, options=options)
        return admin.ResetBinding(request, timeout=timeout)

    _write(session, caller, _names(bindings), writing, change)


@click.command()
@click.argument("caller", type=parse_worker)
@click.argument("bindings", nargs=-1, required=True, metavar="BINDING...")
@writes
@asks_control
def unbind(session: Session, *, caller: str, bindings: tuple[str, ...], writing: Writing) -> None:
    """Remove bindings of a worker, live.

    Also those that the configuration of CALLER declares. A call then raises an error that says how
    to bind it. `meshctl bind --reset` returns to what is declared.

    \b
    Example:
      meshctl unbind gateway AUTH
    """
    writing.require_one(bindings)
    options = writing.to_message()

    def change(admin: AdminStub, name: str, timeout: float) -> BindingChange:
        request = RemoveBindingRequest(caller=caller, name=name, options=options)
        return admin.RemoveBinding(request, timeout=timeout)

    _write(session, caller, _names(bindings), writing, change)


def _set(
    session: Session, caller: str, targets: dict[str, ServiceConfig], writing: Writing
) -> None:
    options = writing.to_message()

    def change(admin: AdminStub, name: str, timeout: float) -> BindingChange:
        target = to_target(targets[name])
        request = SetBindingRequest(caller=caller, name=name, target=target, options=options)
        return admin.SetBinding(request, timeout=timeout)

    _write(session, caller, tuple(targets), writing, change)


def _write(
    session: Session,
    caller: str,
    names: Sequence[str],
    writing: Writing,
    change: Callable[[AdminStub, str, float], BindingChange],
) -> None:
    """Change one binding after the other, until one fails."""
    timeout = session.timeout_seconds + writing.wait_seconds
    with (
        warning() as warnings,
        session.reporting(text.binding_changes) as changes,
        session.connect() as admin,
    ):
        for name in names:
            answer = change(admin, name, timeout)
            warnings.extend(answer.warnings)
            changes.append(describe.binding_change(caller, name, answer))


def _targets(
    bindings: tuple[str, ...], props: dict[str, Any] | None
) -> dict[str, ServiceConfig]:  # Any: JSON values
    if props is not None and len(bindings) > 1:
        raise click.UsageError("--props goes with one binding at a time")
    targets: dict[str, ServiceConfig] = {}
    for assignment in bindings:
        target = parse_assignment(assignment)
        if target.binding in targets:
            raise click.UsageError(f"`{target.binding}` is given twice; it can lead to one service")
        targets[target.binding] = replace(target, props=props or {})
    return targets


def _names(bindings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(parse_binding_name, bindings)))
