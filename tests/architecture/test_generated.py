"""The committed code in mesh/v1 is what the compiler makes of proto/."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).parents[2]
PROTOS = sorted((ROOT / "proto").rglob("*.proto"))


@pytest.mark.parametrize("path", PROTOS, ids=lambda path: path.name)
def test_generated_code_is_current(path: Path, tmp_path: Path) -> None:
    """Descriptors are compared, not text, so that another compiler version does not matter."""
    name = path.relative_to(ROOT / "proto").as_posix()
    compiled = tmp_path / "set"
    assert protoc.main(["", f"-I{ROOT / 'proto'}", f"--descriptor_set_out={compiled}", name]) == 0
    (expected,) = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()).file
    module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    committed = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(committed)
    for message in (expected, committed):
        _clear_json_names(message)
    assert committed == expected, "run `make proto`"


def test_every_message_and_field_has_a_comment() -> None:
    """A reader of proto/ need not look elsewhere."""
    for path in PROTOS:
        before = ""
        for line in map(str.strip, path.read_text().splitlines()):
            starts = line.startswith(("message ", "rpc ", "service ")) or line.endswith(";")
            if starts and not line.startswith(("syntax", "package", "import", "option", "//")):
                assert before.startswith("//"), f"{path.name}: {line}"
            before = line


def _clear_json_names(message: object) -> None:
    """The compiler sets them in one case and not in the other."""
    for kind in (*message.message_type,):  # type: ignore[attr-defined]
        _clear_fields(kind)


def _clear_fields(kind: descriptor_pb2.DescriptorProto) -> None:
    for field in kind.field:
        field.ClearField("json_name")
    for nested in kind.nested_type:
        _clear_fields(nested)
