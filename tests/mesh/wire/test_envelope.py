"""Heads and failures on the wire: what goes in comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from mesh.errors import ProtocolError
from mesh.v1 import link_pb2
from mesh.wire.body_failures import from_body_failure, to_body_failure
from mesh.wire.envelope import to_call, to_response, write_call
from mesh.wire.failures import for_caller, from_failure, public_status, to_failure
from mesh.wire.headers import from_wire, to_wire
from workers import (
    BodyClosedError,
    BodyError,
    BodyLimitError,
    BodyUsedError,
    CallError,
    DeadlineExceeded,
    InvocationLimitExceeded,
    LinkLost,
    NoInvocationError,
    NotBound,
    RemoteError,
    ServiceUnavailable,
)
from workers.context import Call, Tree

ANY_TEXT = st.text(st.characters())  # half characters included
CALL = Call(Tree(), "gateway", "AUTH", Call(Tree()))


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
def test_any_header_text_comes_back(pairs: list[tuple[str, str]]) -> None:
    """In order, repeated names included."""
    assert list(from_wire(to_wire(CIMultiDict(pairs))).items()) == pairs


@pytest.mark.parametrize("flat", [[b"a"], [b"\xff", b"x"], [b"a", b"b", b"c"]])
def test_malformed_headers_are_a_protocol_error(flat: list[bytes]) -> None:
    """Nothing else gets out."""
    with pytest.raises(ProtocolError, match="header fields"):
        from_wire(flat)


@pytest.mark.parametrize("status", [0, 101, 199, 600])
def test_malformed_status_is_a_protocol_error(status: int) -> None:
    """A response has a status that a worker could have given it."""
    with pytest.raises(ProtocolError, match="status"):
        to_response(link_pb2.Head(status=status), None)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (CallError, 500),
        (InvocationLimitExceeded, 500),
        (NoInvocationError, 500),
        (NotBound, 500),
        (ServiceUnavailable, 503),
        (LinkLost, 503),
        (DeadlineExceeded, 504),
    ],
)
def test_passed_on_failures_keep_class_and_data(kind: type[CallError], status: int) -> None:
    """Every row of the table, across the wire and to the public."""
    error = kind("why", caller="auth", binding="DB", target="db")
    other = from_failure(to_failure(error))
    assert type(other) is kind
    assert (str(other), other.caller, other.binding, other.target) == ("why", "auth", "DB", "db")
    assert public_status(other) == status


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), KeyError("k"), OSError(2, "no"), UnicodeError("half \ud800"), Exception()],
)
def test_handlers_exceptions_are_the_same_as_locally(error: Exception) -> None:
    """Class, text and names; twice across as well."""
    local = for_caller(error, CALL, "auth")
    once = from_failure(to_failure(local))
    twice = from_failure(to_failure(once))
    for remote in (once, twice):
        assert type(remote) is type(local)
        assert str(remote) == str(local).encode("utf-8", "replace").decode()
        assert isinstance(remote, RemoteError)
        assert remote.remote_class == type(error).__qualname__
        assert (remote.caller, remote.binding, remote.target) == ("gateway", "AUTH", "auth")


def test_private_classes_and_unknown_kinds_are_plain() -> None:
    """Neither is looked up; what is said remains."""
    private = type("Odd", (ValueError,), {"__module__": "_w_auth_1.entry"})("odd")
    remote = from_failure(to_failure(for_caller(private, CALL, "auth")))
    assert type(remote) is RemoteError
    assert remote.remote_class == "Odd"
    unknown = from_failure(link_pb2.Failure(kind="new", message="later"))
    assert type(unknown) is CallError
    assert str(unknown) == "later"


@pytest.mark.parametrize(
    ("module", "qualname"),
    [("os", "system"), ("builtins", "ValueError.__class__"), ("", ""), ("builtins", "SystemExit")],
)
def test_wire_names_only_loaded_exceptions(module: str, qualname: str) -> None:
    """Whatever a peer names, nothing is imported or called for it."""
    failure = link_pb2.Failure(kind="exception", module=module, qualname=qualname, message="m")
    assert type(from_failure(failure)) is RemoteError


@pytest.mark.parametrize("kind", [BodyClosedError, BodyError, BodyLimitError, BodyUsedError])
def test_body_failures_keep_their_class(kind: type[BodyError]) -> None:
    """As a callee in the same process would get them."""
    error = from_body_failure(to_body_failure(kind("why")))
    assert type(error) is kind
    assert str(error) == "why"


def test_call_arrives_with_its_whole_path() -> None:
    """Names, counts and the time that is left; the path reads the same on every host."""
    tree = Tree(32, 3, "id")
    call = Call(tree, "auth", "APP", Call(tree, "gateway", "AUTH", Call(tree)))
    head = link_pb2.Open(remaining_ms=1500)
    write_call(head, call)
    there = to_call(head, 100.0)
    assert there.path == call.path == ["gateway", "auth"]
    assert (there.caller, there.binding, there.deadline) == ("auth", "APP", 101.5)
    assert (there.tree.limit, there.tree.used, there.tree.request_id) == (32, 3, "id")
    with pytest.raises(ProtocolError, match="path"):
        to_call(link_pb2.Open(path=["a"] * 33, invocation_limit=32), 0.0)
