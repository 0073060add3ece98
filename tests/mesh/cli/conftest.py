"""`meshctl` against an Admin API on a Unix socket whose answers a test chooses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from click.testing import CliRunner, Result

from mesh.cli.main import main
from mesh.v1 import admin_pb2, admin_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

RPCS = [method.name for method in admin_pb2.DESCRIPTOR.services_by_name["Admin"].methods]


@dataclass
class Script:
    """Answers by rpc: a message, a status with its text, or a list of them. Keeps the requests."""

    address: str
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)

    def answer(self, rpc: str, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        answer = self.answers[rpc]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if callable(answer):
            answer = answer()
        if isinstance(answer, tuple):
            context.abort(*answer)
        return answer

    def meshctl(self, *arguments: str) -> Result:
        """Run a command against it."""
        return CliRunner().invoke(main, [*arguments, "--control", self.address])


def _servicer(script: Script) -> admin_pb2_grpc.AdminServicer:
    def method(rpc: str) -> Any:
        return lambda _, request, context: script.answer(rpc, request, context)

    kind = type("Scripted", (admin_pb2_grpc.AdminServicer,), {rpc: method(rpc) for rpc in RPCS})
    return kind()


@pytest.fixture
def script(tmp_path) -> Iterator[Script]:
    """An Admin API that says what the test wants, for answers that a healthy one seldom gives."""
    script = Script(f"unix:{tmp_path}/control.sock")
    server = grpc.server(ThreadPoolExecutor(2))
    admin_pb2_grpc.add_AdminServicer_to_server(_servicer(script), server)
    server.add_insecure_port(script.address)
    server.start()
    yield script
    server.stop(None).wait()
