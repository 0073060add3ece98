"""`meshctl status`, `agents`, `workers` and `bindings`: what is there. They change nothing."""

from __future__ import annotations

import click

from mesh.cli import describe, text
from mesh.cli.arguments import parse_worker
from mesh.cli.failure import warning
from mesh.cli.session import Session, asks_control
from mesh.v1.admin_pb2 import (
    GetStatusRequest,
    ListAgentsRequest,
    ListBindingsRequest,
    ListWorkersRequest,
)


@click.command()
@asks_control
def status(session: Session) -> None:
    """Show how the mesh is.

    What it consists of, and what somebody should look at.

    \b
    Example:
      meshctl status
      meshctl status --control 10.0.0.1:8790 --output json
    """
    with session.connect() as admin:
        answer = admin.GetStatus(GetStatusRequest(), timeout=session.timeout_seconds)
    session.show(describe.status(answer), text.status)


@click.command()
@asks_control
def agents(session: Session) -> None:
    """List the agents.

    One for each host, with the workers that it runs.

    \b
    Example:
      meshctl agents
    """
    with session.connect() as admin:
        answer = admin.ListAgents(ListAgentsRequest(), timeout=session.timeout_seconds)
    session.show({"agents": [describe.agent(each) for each in answer.agents]}, text.agents)


@click.command()
@asks_control
def workers(session: Session) -> None:
    """List the workers.

    With the agents that run them.

    \b
    Example:
      meshctl workers --output yaml
    """
    with session.connect() as admin:
        answer = admin.ListWorkers(ListWorkersRequest(), timeout=session.timeout_seconds)
    session.show({"workers": [describe.worker(each) for each in answer.workers]}, text.workers)


@click.command()
@click.argument("worker", type=parse_worker, required=False)
@click.option("--to", type=parse_worker, metavar="WORKER", help="Only those that lead to WORKER.")
@asks_control
def bindings(session: Session, *, worker: str | None, to: str | None) -> None:
    """List the bindings and their sources.

    Of all workers, or of WORKER. The source says where one comes from: `declared` in the caller's
    wrangler.toml, `set` by somebody, or `removed` by somebody.

    \b
    Example:
      meshctl bindings gateway
      meshctl bindings --to auth
    """
    with session.connect() as admin:
        request = ListBindingsRequest(caller=worker or "", to=to or "")
        answer = admin.ListBindings(request, timeout=session.timeout_seconds)
    found = [describe.binding(each) for each in answer.bindings]
    with warning() as warnings:
        warnings.extend(answer.warnings)
        session.show({"bindings": found}, text.bindings)
