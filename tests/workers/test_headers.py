"""Header fields: how names and values are read, written, checked and shown."""

import enum
from collections import UserDict
from http import HTTPStatus
from http.client import HTTPMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from workers import Headers, Response


class Mode(str, enum.Enum):  # noqa: UP042 - StrEnum behaves otherwise
    """An enum in the older style, whose `str()` is not its value."""

    FAST = "fast"


def with_cookies():
    return Headers([("Set-Cookie", "a=1"), ("Vary", "x"), ("Set-Cookie", "b=2"), ("vary", "y")])


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_name_is_found_in_any_case(name):
    """RFC 9110 section 5.1: field names are case-insensitive, for reading, testing, removing."""
    headers = Headers({"Content-type": "text/html"})
    assert headers[name] == headers.get(name) == "text/html"
    assert headers.get_all(name) == ["text/html"]
    assert name in headers
    assert headers.has(name)
    del headers[name]
    assert "Content-type" not in headers


def test_missing_field_reads_as_none():
    """Cloudflare: a field that is not there reads as None, it raises nothing."""
    headers = Headers({"a": "1"})
    assert headers["missing"] is None
    assert headers.get("missing") is None
    assert headers.get_all("missing") is None
    assert "missing" not in headers
    assert not headers.has("missing")


def test_missing_field_reads_as_the_default():
    """`get` and `get_all` return the default that was given, and only for a missing field."""
    headers = Headers({"empty": ""})
    assert headers.get("missing", "x") == "x"
    assert headers.get_all("missing", ["x"]) == ["x"]
    assert headers.get("empty", "x") == ""
    assert headers.get_all("empty", ["x"]) == [""]


def test_repeated_field_reads_as_one_value():
    """Cloudflare: repeated fields are one value joined with ", ", commas within them stay."""
    headers = Headers([("Accept", "a, b"), ("accept", "c")])
    assert headers["accept"] == headers.get("accept") == "a, b, c"
    assert headers.get_all("accept") == ["a, b, c"]


def test_set_cookie_values_stay_apart():
    """RFC 6265 section 3: Set-Cookie cannot be joined; `get_all` and `items` keep each."""
    headers = with_cookies()
    assert headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert headers.items() == [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Vary", "x, y")]


def test_mapping_has_each_name_once():
    """Iteration, keys, values and length agree, so that `dict(headers)` works."""
    headers = with_cookies()
    assert list(headers) == list(headers.keys()) == ["Set-Cookie", "Vary"]
    assert list(headers.values()) == ["a=1, b=2", "x, y"]
    assert len(headers) == 2
    assert dict(headers) == {"Set-Cookie": "a=1, b=2", "Vary": "x, y"}


def test_get_all_gives_a_list_of_its_own():
    """Changing what `get_all` returned does not change the headers."""
    headers = with_cookies()
    headers.get_all("set-cookie").clear()
    assert headers.get_all("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        (123, "123"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (None, "undefined"),
        (b"caf\xe9", "café"),
        (bytearray(b"x"), "x"),
        (memoryview(b"x"), "x"),
        (HTTPStatus.NOT_FOUND, "404"),
        (Mode.FAST, "fast"),
        (" \t x \r\n", "x"),
        (b" x ", "x"),
        ("a\tb", "a\tb"),
        ("ünïcödé €", "ünïcödé €"),
        ("raw byte \udce9", "raw byte \udce9"),
    ],
)
def test_value_becomes_stripped_text(value, text):
    """Values become text as in JavaScript, bytes as Latin-1, without white space around them."""
    headers = Headers({"a": value})
    headers["b"] = value
    headers.append("c", value)
    headers.set("d", value)
    assert dict(headers) == dict.fromkeys("abcd", text)
    assert all(type(value) is str for value in headers.values())


@pytest.mark.parametrize(
    "value",
    ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\x01b", "a\x7fb", b"a\nb", chr(0xD800), chr(0xDFFF)],
)
def test_value_that_http_cannot_carry_is_refused(value):
    """RFC 9110 section 5.5: no control characters in values but TAB; values are not shown."""
    headers = Headers()
    for write in (headers.append, headers.set, headers.__setitem__):
        with pytest.raises(ValueError, match="header 'x-name' has a control") as caught:
            write("x-name", value)
        assert str(value) not in str(caught.value)
    with pytest.raises(ValueError, match="x-name"):
        Headers([("x-name", value)])
    assert len(headers) == 0


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "a\n", "ä", "a\r\nb", "a\0", "(", "a,b"])
def test_name_that_is_no_token_is_refused(name):
    """RFC 9110 section 5.1: a name is a token."""
    headers = Headers()
    for write in (headers.append, headers.set, headers.__setitem__, headers.setdefault):
        with pytest.raises(ValueError, match="not a valid header name"):
            write(name, "x")
    with pytest.raises(ValueError, match="not a valid header name"):
        Headers({name: "x"})
    assert len(headers) == 0


@pytest.mark.parametrize("name", [b"a", 1, None])
def test_name_that_is_not_text_is_refused(name):
    """A name of the wrong type is a TypeError that names the type."""
    with pytest.raises(TypeError, match=f"must be text, not {type(name).__name__}"):
        Headers([(name, "x")])


def http_message(*pairs):
    message = HTTPMessage()
    for name, value in pairs:
        message[name] = value
    return message


@pytest.mark.parametrize(
    ("init", "pairs"),
    [
        (None, []),
        ({}, []),
        ({"A": "1", "b": 2}, [("A", "1"), ("b", "2")]),
        ([("A", "1"), ["b", "2"]], [("A", "1"), ("b", "2")]),
        ((("A", "1"),), [("A", "1")]),
        ((pair for pair in [("A", "1")]), [("A", "1")]),
        ({"A": "1"}.items(), [("A", "1")]),
        (UserDict({"A": "1"}), [("A", "1")]),
        (CIMultiDict([("Set-Cookie", "1"), ("set-cookie", "2")]), None),
        (http_message(("Set-Cookie", "1"), ("Set-Cookie", "2")), None),
        ([("Set-Cookie", "1"), ("Set-Cookie", "2")], None),
        (Headers([("Set-Cookie", "1"), ("Set-Cookie", "2")]), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_init_takes_mappings_and_pairs(init, pairs):
    """Mappings, pairs, Headers and HTTPMessage will do; repeated fields are kept."""
    pairs = [("Set-Cookie", "1"), ("Set-Cookie", "2")] if pairs is None else pairs
    assert Headers(init).items() == pairs


@pytest.mark.parametrize("init", ["a: b", b"a: b", 3, 1.5, object()])
def test_init_of_the_wrong_type_is_refused(init):
    """The error says what would do, and what was given."""
    text = f"headers must be a mapping or a list of .name, value. pairs, not {type(init).__name__}"
    with pytest.raises(TypeError, match=text):
        Headers(init)


@pytest.mark.parametrize("pair", ["ab", ("secret",), ("a", "secret", "b"), 3, {"a", "b"}])
def test_init_of_no_pairs_is_refused(pair):
    """What is not a pair is refused; the message does not show it, it may be a credential."""
    with pytest.raises(
        TypeError, match=r"each of headers must be a \(name, value\) pair"
    ) as caught:
        Headers([pair])
    assert "secret" not in str(caught.value)


def test_copy_is_independent():
    """Headers made of Headers share nothing with them."""
    one = Headers({"a": "1"})
    two = Headers(one)
    two["a"] = "2"
    two["b"] = "3"
    assert dict(one) == {"a": "1"}


def test_repr_shows_names_only():
    """Values may be credentials; they do not get into logs by `repr`."""
    assert repr(Headers({"Authorization": "secret"})) == "Headers(['Authorization'])"


def test_setting_replaces_all_fields_of_the_name():
    """`h[name] = value` leaves one field, whatever the case, at the place of the first."""
    headers = Headers([("A", "1"), ("b", "2"), ("a", "3")])
    headers["a"] = "4"
    assert headers.get_all("A") == ["4"]
    assert len(headers) == 2


def test_append_adds_beside():
    """`append` keeps what is there."""
    headers = Headers({"Set-Cookie": "a=1"})
    headers.append("set-cookie", "b=2")
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_deleting_removes_all_fields_of_the_name():
    """`del` and `delete` remove repeated fields, and do not mind a missing one."""
    headers = with_cookies()
    del headers["set-cookie"]
    headers.delete("VARY")
    del headers["missing"]
    headers.delete("missing")
    assert len(headers) == 0


def test_pop_returns_what_it_removes():
    """`pop` is `get` and `del`: joined values, None or the default for a missing field."""
    headers = with_cookies()
    assert headers.pop("VARY") == "x, y"
    assert headers.pop("vary") is None
    assert headers.pop("vary", "z") == "z"
    assert list(headers) == ["Set-Cookie"]


def test_setdefault_sets_only_what_is_missing():
    """`setdefault` returns the value that is there afterwards, as text."""
    headers = Headers({"a": "1"})
    assert headers.setdefault("A", "2") == "1"
    assert headers.setdefault("b", 3) == "3"
    assert headers.setdefault("c") == ""
    assert dict(headers) == {"a": "1", "b": "3", "c": ""}


@pytest.mark.parametrize("other", [{"A": 2}, [("a", 2)], Headers({"A": "2"})])
def test_update_replaces_fields(other):
    """`update` takes what the constructor takes, and sets each name."""
    headers = Headers([("a", "1"), ("a", "1"), ("b", "1")])
    headers.update(other, c=3)
    assert {name.lower(): value for name, value in headers.items()} == {
        "a": "2",
        "b": "1",
        "c": "3",
    }


def test_update_keeps_each_set_cookie():
    """Updating with another response's headers must not join its cookies."""
    headers = Headers({"set-cookie": "old"})
    headers.update(with_cookies())
    assert headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_update_with_a_bad_field_changes_nothing():
    """All of the fields are checked before the first is set."""
    headers = Headers({"a": "1"})
    with pytest.raises(ValueError, match="control character"):
        headers.update({"a": "2", "b": "x\ny"})
    with pytest.raises(ValueError, match="control character"):
        headers.update({"a": "2"}, b="x\ny")
    assert dict(headers) == {"a": "1"}


def test_mutable_mapping_methods_end():
    """`popitem` and `clear` come from MutableMapping and rely on removal."""
    headers = with_cookies()
    assert headers.popitem() == ("Set-Cookie", "a=1, b=2")
    headers.clear()
    assert len(headers) == 0
    with pytest.raises(KeyError):
        headers.popitem()


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        ([("a", "1")], [("A", "1")], True),
        ([("a", "1")], [("a", "2")], False),
        ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")], True),
        ([("a", "1"), ("a", "2")], [("a", "1, 2")], True),
        ([("a", "1"), ("a", "2")], [("a", "2"), ("a", "1")], False),
        ([("set-cookie", "1"), ("set-cookie", "2")], [("set-cookie", "1, 2")], False),
        ([], [], True),
        ([("a", "")], [], False),
    ],
)
def test_equality_is_that_of_what_is_read(one, two, equal):
    """RFC 9110 section 5.3: the order of different names does not matter, within a name it does."""
    assert (Headers(one) == Headers(two)) is equal
    assert (Headers(two) != Headers(one)) is not equal


def test_headers_are_neither_a_dict_nor_hashable():
    """They are equal to Headers only, and mutable."""
    assert Headers({"a": "1"}) != {"a": "1"}
    with pytest.raises(TypeError, match="unhashable"):
        hash(Headers())


def test_view_writes_through():
    """The headers of a response are no copy: changes take effect."""
    response = Response("x")
    response.headers["a"] = "1"
    view = response.headers
    view.append("a", "2")
    assert response.headers["a"] == "1, 2"


TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAMES = st.text(TOKEN, min_size=1, max_size=8) | st.sampled_from(["set-cookie", "Set-Cookie", "a"])
CONTROLS = "".join(map(chr, [*range(9), *range(10, 32), 127]))
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS)
VALUES = st.text(CHARACTERS, max_size=20).filter(lambda value: value.strip(" \t"))
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=8)


@given(PAIRS)
def test_items_round_trip(pairs):
    """Whatever is legal survives a trip through `items()`, and reads as it was written."""
    headers = Headers(pairs)
    assert Headers(headers.items()) == headers
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name.lower(), []).append(value.strip(" \t"))
    assert {name.lower() for name in headers} == set(expected)
    assert len(headers) == len(expected)
    for name, values in expected.items():
        assert headers[name.swapcase()] == ", ".join(values)
        assert headers.get_all(name) == (values if name == "set-cookie" else [", ".join(values)])


@given(st.text(max_size=10), st.text(max_size=10))
def test_nothing_that_is_accepted_can_split_a_message(name, value):
    """A field is either refused with ValueError, or one line of HTTP/1.1."""
    try:
        headers = Headers([(name, value)])
    except ValueError:
        return
    line = "".join(f"{name}: {value}" for name, value in headers.items())
    assert len(line.encode("utf-8", "surrogateescape").splitlines()) == 1
    assert not set(line) & set("\r\n\0")
