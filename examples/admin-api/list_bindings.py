"""Lists the bindings of a mesh: a client of the Admin API in plain grpcio.

    python examples/admin-api/list_bindings.py unix:$HOME/.local/state/workermesh/control.sock

It needs grpcio and the generated classes in `mesh.v1`, and nothing else of this project.
"""

import sys

import grpc

from mesh.v1.admin_pb2 import ListBindingsRequest
from mesh.v1.admin_pb2_grpc import AdminStub
from mesh.v1.control_pb2 import REMOVED, BindingSource


def main(address):
    with grpc.insecure_channel(address) as channel:
        answer = AdminStub(channel).ListBindings(ListBindingsRequest(), timeout=5)
    for status in answer.bindings:
        binding = status.binding
        leads_to = "nowhere" if binding.source == REMOVED else binding.worker
        source = BindingSource.Name(binding.source)
        sys.stdout.write(f"{binding.caller} {binding.name} leads to {leads_to} ({source})\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
