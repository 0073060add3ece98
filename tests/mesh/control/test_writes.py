"""What people may write, and what they are told if not."""

from __future__ import annotations

import pytest

from mesh.control import writes
from mesh.control.admission import register
from mesh.control.changes import changes_between
from mesh.control.rejected import Rejected, Rejection
from mesh.control.stored import Stored
from mesh.v1.admin_pb2 import WorkerSettings
from mesh.v1.control_pb2 import DeclaredBinding
from tests.support.control_client import join, manifest, target

START = register(
    join("a", manifest("gateway", names=("COLOR",), AUTH="auth", Auth="x", SHOP="shop")),
    Stored(mesh="m", epoch="e"),
)


def rejected(call) -> tuple[Rejection, str]:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.kind, str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("shop", "SHOP"),
        ("SHOP", "SHOP"),
        ("auth", "auth"),  # two are alike: it is a new one
        ("AUTH", "AUTH"),
        ("new", "new"),
    ],
)
def test_meant_binding(name: str, meant: str) -> None:
    """Case does not matter where only one can be meant."""
    assert writes.meant_binding(START, "gateway", name) == ("gateway", meant)


@pytest.mark.parametrize(
    ("caller", "name", "to", "props", "expected"),
    [
        ("Gateway", "AUTH", "auth", b"", "`Gateway` is not a worker name"),
        ("gateway@", "AUTH", "auth", b"", "is not an environment name"),
        ("gateway", "my-auth", "auth", b"", "not a Python identifier"),
        ("gateway", "class", "auth", b"", "not a Python identifier"),
        ("gateway", "AUTH", "", b"", "`` is not a worker name"),
        ("gateway", "AUTH", "auth@a.b", b"", "not an environment name"),
        ("gateway", "AUTH", "auth#no-class", b"", "not the name of a Python class"),
        ("gateway", "AUTH", "auth", b"[]", "no JSON object"),
        ("gateway", "AUTH", "auth", b"{", "no JSON object"),
        ("gateway", "AUTH", "auth", b'{"a":NaN}', "no JSON object"),
        ("gateway", "AUTH", "auth", b'{"a":"\xff"}', "no JSON object"),
        ("gateway", "AUTH", "auth", b"[" * 60_000, "no JSON object"),
        ("gateway", "A" * 129, "auth", b"", "has 129 characters, more than 128"),
        ("gateway", "__class__", "auth", b"", "a name of Python's own"),
        ("gateway", "AUTH", "auth", b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "nested deeper"),
        ("gateway", "AUTH", "auth", b'{"a":"' + b"x" * 65536 + b'"}', "longer than"),
    ],
)
def test_binding_that_cannot_be(caller, name, to, props, expected) -> None:
    """Wrong names and props; the text says which."""

    def write() -> None:
        key = writes.meant_binding(START, caller, name)
        writes.set_binding(START, key, target(to, props))

    kind, text = rejected(write)
    assert kind is Rejection.INVALID
    assert expected in text


def test_what_is_just_within_the_limits() -> None:
    """A name of 128 characters, and JSON of 64 levels."""
    deep = b'{"a":' + b"[" * 63 + b"]" * 63 + b"}"
    stored = writes.set_binding(START, ("gateway", "A" * 128), target("auth", deep))
    assert writes.set_var(stored, ("gateway", "N"), b"[" * 64 + b"1" + b"]" * 64) is not stored


def test_props_of_all_bindings_of_a_caller() -> None:
    """Each may be large, but not all of them."""
    stored = START
    props = b'{"a":"' + b"x" * 65_000 + b'"}'
    for i in range(4):
        stored = writes.set_binding(stored, ("gateway", f"B{i}"), target("auth", props))
    for call in (
        lambda: writes.set_binding(stored, ("gateway", "B4"), target("auth", props)),
        lambda: writes.apply_settings(
            START,
            [
                WorkerSettings(
                    worker="gateway",
                    bindings=[
                        DeclaredBinding(name=f"B{i}", target=target("auth", props))
                        for i in range(5)
                    ],
                )
            ],
        ),
    ):
        kind, text = rejected(call)
        assert (kind, "the props of the bindings that are set" in text) == (Rejection.INVALID, True)
    assert writes.set_binding(stored, ("other", "B4"), target("auth", props)) is not stored


def test_binding_over_a_var() -> None:
    """env.COLOR cannot be both."""
    key = ("gateway", "COLOR")
    kind, text = rejected(lambda: writes.set_binding(START, key, target("auth")))
    assert (kind, "COLOR is a var or secret of gateway" in text) == (Rejection.TAKEN, True)
    stored = writes.set_var(START, ("gateway", "SIZE"), b"1")
    kind, _ = rejected(lambda: writes.set_binding(stored, ("gateway", "SIZE"), target("auth")))
    assert kind is Rejection.TAKEN
    kind, _ = rejected(lambda: writes.set_var(START, ("gateway", "SHOP"), b"1"))
    assert kind is Rejection.TAKEN


def test_what_is_already_so_is_no_change() -> None:
    """Not even a revision."""
    key = ("gateway", "AUTH")
    stored = writes.set_binding(START, key, target("auth2"))
    assert writes.set_binding(stored, key, target("auth2")) is stored
    removed = writes.remove_binding(stored, key)
    assert writes.remove_binding(removed, key) is removed
    valued = writes.set_var(stored, ("gateway", "COLOR"), b'"red"')
    assert writes.set_var(valued, ("gateway", "COLOR"), b'"red"') is valued


def test_what_is_not_there() -> None:
    """The text lists what is."""
    kind, text = rejected(lambda: writes.remove_binding(START, ("gateway", "NO")))
    assert (kind, "it has AUTH, Auth, SHOP" in text) == (Rejection.NOT_FOUND, True)
    for call in (
        lambda: writes.remove_binding(START, ("nobody", "NO")),
        lambda: writes.reset_binding(START, ("gateway", "AUTH")),
        lambda: writes.delete_var(START, ("gateway", "COLOR")),
    ):
        assert rejected(call)[0] is Rejection.NOT_FOUND


def test_stale_version() -> None:
    """The text has the present version; the right one passes."""
    key = ("gateway", "AUTH")
    stored = writes.set_binding(START, key, target("auth2"))
    version = stored.bindings[key].version
    assert version == stored.revision
    stored = stored.changed()
    kind, text = rejected(lambda: writes.set_binding(stored, key, target("x"), version + 1))
    assert (kind, f"has version {version}, not {version + 1}" in text) == (Rejection.STALE, True)
    assert writes.set_binding(stored, key, target("x"), version) is not stored
    for call in (
        lambda: writes.remove_binding(stored, key, 99),
        lambda: writes.reset_binding(stored, key, 99),
        lambda: writes.set_var(stored, ("gateway", "COLOR"), b"1", 99),
    ):
        assert rejected(call)[0] is Rejection.STALE


@pytest.mark.parametrize(
    "value", [b"", b"nope", b"{", b"1 2", b"[" * 65 + b"]" * 65, b'"' + b"x" * 65536 + b'"']
)
def test_var_that_is_no_json(value: bytes) -> None:
    """Or that is too long."""
    kind, _ = rejected(lambda: writes.set_var(START, ("gateway", "COLOR"), value))
    assert kind is Rejection.INVALID


def test_more_vars_than_can_travel() -> None:
    """What an agent must know fits into one message."""
    stored, value = START, b'"' + b"x" * 60_000 + b'"'
    for i in range(4):
        stored = writes.set_var(stored, ("gateway", f"N{i}"), value)
    kind, text = rejected(lambda: writes.set_var(stored, ("gateway", "N4"), value))
    assert (kind, "would have 300010 bytes" in text) == (Rejection.INVALID, True)
    writes.set_var(stored, ("another", "N4"), value)
    members = b",".join(b'"N%d":%s' % (i, value) for i in range(5))
    wanted = settings("gateway", vars_json=b"{" + members + b"}")
    assert rejected(lambda: writes.apply_settings(START, [wanted]))[0] is Rejection.INVALID


def settings(worker: str, *, removed=(), vars_json=b"", **bindings: str) -> WorkerSettings:
    return WorkerSettings(
        worker=worker,
        bindings=[DeclaredBinding(name=n, target=target(t)) for n, t in bindings.items()],
        removed_bindings=removed,
        vars_json=vars_json,
    )


def test_apply_makes_the_settings_of_the_named_workers_equal() -> None:
    """What was set besides is reset; other workers stay as they are; unchanged versions stay."""
    stored = writes.set_binding(START, ("gateway", "AUTH"), target("auth2"))
    stored = writes.set_binding(stored, ("gateway", "SHOP"), target("shop2"))
    stored = writes.set_binding(stored, ("other", "X"), target("x"))
    stored = writes.set_var(stored, ("gateway", "OLD"), b"1")
    wanted = settings(
        "gateway", AUTH="auth2", NEW="new@x#Y", removed=["Auth"], vars_json=b'{"COLOR": "red"}'
    )
    after = writes.apply_settings(stored, [wanted])
    assert after.bindings["gateway", "AUTH"] is stored.bindings["gateway", "AUTH"]
    assert after.bindings["other", "X"] is stored.bindings["other", "X"]
    changes = changes_between(stored, after)
    assert [(c.kind, c.name, c.before, c.after) for c in changes] == [
        ("binding", "Auth", "x (declared)", "removed"),
        ("binding", "NEW", "", "new@x#Y"),
        ("binding", "SHOP", "shop2", "shop (declared)"),
        ("var", "COLOR", "", '"red"'),
        ("var", "OLD", "1", ""),
    ]
    assert writes.apply_settings(after, [wanted]) is after


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ([settings("a"), settings("a")], "named twice"),
        ([settings("A")], "not a worker name"),
        ([settings("a", X="x", removed=["X"])], "X is there twice"),
        ([settings("a", X="x y")], "not a worker name"),
        ([settings("a", vars_json=b"[]")], "no JSON object"),
        ([settings("a", vars_json=b'{"a-b":1}')], "not a Python identifier"),
        ([settings("a", X="x", vars_json=b'{"X":1}')], "is a binding"),
        ([settings("gateway", vars_json=b'{"AUTH":1}')], "is a binding"),
        ([settings("gateway", COLOR="x")], "is a var or secret"),
        ([settings("b", X="x"), settings("a", X="")], "not a worker name"),
    ],
)
def test_apply_that_cannot_be(workers: list[WorkerSettings], expected: str) -> None:
    """Then nothing of it is done."""
    _, text = rejected(lambda: writes.apply_settings(START, workers))
    assert expected in text


def test_binding_may_take_the_name_of_a_var_that_goes() -> None:
    """One Apply turns a var into a binding."""
    stored = writes.set_var(START, ("gateway", "SIZE"), b"1")
    after = writes.apply_settings(stored, [settings("gateway", SIZE="size")])
    assert not after.vars
    assert ("gateway", "SIZE") in after.bindings
