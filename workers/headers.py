"""Header fields as worker code reads and writes them.

An ordered, case-insensitive multimap. Reading follows Cloudflare's Python Workers: a field that is
not there reads as None, repeated fields read as one value joined with ", ", and Set-Cookie stays
apart. Nothing here knows which fields a proxy must drop.

Source: RFC 9110 section 5; WHATWG Fetch, "headers"; Cloudflare, Python Workers SDK.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TypeAlias

from multidict import CIMultiDict

HeadersInit: TypeAlias = "Mapping[str, object] | Iterable[tuple[str, object]] | None"

_TEXT: tuple[type, ...] = (str, bytes)  # iterable, but no pairs
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_FORBIDDEN_IN_VALUE = re.compile(  # RFC 9110 section 5.5; of lone surrogates, only raw bytes
    r"[\x00-\x08\n-\x1f\x7f\ud800-\udc7f\udd00-\udfff]"
)


class Headers(MutableMapping[str, str]):
    """Header fields of one request or response; changes take effect on their owner.

    `headers[name]` is None where the field is missing, so annotate accordingly. Values that are not
    text become text as JavaScript would write them (123 → "123", True → "true"). Names come once,
    with all their values joined; only `items()` gives each Set-Cookie apart.
    """

    __slots__ = ("_fields",)

    def __init__(self, init: HeadersInit = None) -> None:
        self._fields = to_fields(init)

    @classmethod
    def _view(cls, fields: CIMultiDict[str]) -> Headers:
        view = cls.__new__(cls)
        view._fields = fields
        return view

    def __getitem__(self, name: str) -> str:
        values = self._fields.getall(name, None)
        if values is None:
            return None  # type: ignore[return-value]  # as at Cloudflare; much code relies on it
        return values[0] if len(values) == 1 else ", ".join(values)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The field's value, repeated fields joined with ", "; `default` where there is none."""
        values = self._fields.getall(name, None)
        if values is None:
            return default
        return values[0] if len(values) == 1 else ", ".join(values)

    def get_all(self, name: str, default: list[str] | None = None) -> list[str] | None:
        """The values of all fields of that name in order; `default` where there is none.

        Repeated fields are one joined value, except Set-Cookie, whose values cannot be joined.
        """
        values = self._fields.getall(name, None)
        if values is None:
            return default
        return values if name.lower() == "set-cookie" else [", ".join(values)]

    def __setitem__(self, name: str, value: object) -> None:
        self._fields[to_name(name)] = to_value(name, value)

    set = __setitem__

    def append(self, name: str, value: object) -> None:
        """Add a field, beside those of the same name."""
        self._fields.add(to_name(name), to_value(name, value))

    def update(self, other: HeadersInit = None, /, **fields: object) -> None:  # type: ignore[override]
        """Replace fields by those of `other`; of several Set-Cookie all are kept."""
        replacements = to_fields(other), to_fields(fields)
        for replacement in replacements:
            self._fields.update(replacement)

    def __delitem__(self, name: str) -> None:
        self._fields.popall(name, None)

    delete = __delitem__

    def pop(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Remove the field and return its value; `default` where there is none."""
        value = self.get(name, default)
        del self[name]
        return value

    def setdefault(self, name: str, default: str = "") -> str:
        """The field's value, which is set to `default` first where there is none."""
        if name not in self._fields:
            self[name] = default
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def has(self, name: str) -> bool:
        """Whether there is such a field (the name that JavaScript uses)."""
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for name in self._fields:
            if (lower := name.lower()) not in seen:
                seen.add(lower)
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Names and values in order: one pair for each name, but one for each Set-Cookie.

        Source: WHATWG Fetch, "sort and combine" (which also sorts).
        """
        return [(name, value) for name in self for value in self.get_all(name) or ()]

    def __eq__(self, other: object) -> bool:
        """Whether every field reads the same; the order and the case of names are no matter."""
        if not isinstance(other, Headers):
            return NotImplemented
        return self._by_name() == other._by_name()

    def _by_name(self) -> dict[str, list[str] | None]:
        return {name.lower(): self.get_all(name) for name in self}

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Headers({list(self._fields)})"  # names only: values may be credentials


def to_fields(init: HeadersInit) -> CIMultiDict[str]:
    """Fields of whatever users pass as headers: a mapping or pairs, repeated names kept.

    Raises: TypeError for something else, or a name or value of the wrong type; ValueError for a
    name or value that HTTP cannot carry.
    """
    if init is None:
        return CIMultiDict()
    if isinstance(init, Headers):
        return init._fields.copy()
    if isinstance(init, _TEXT) or not hasattr(init, "__iter__"):
        kind = type(init).__name__
        raise TypeError(f"headers must be a mapping or a list of (name, value) pairs, not {kind}")
    # HTTPMessage has items() that repeat a name, but is no Mapping
    pairs = init.items() if hasattr(init, "items") else init
    fields: CIMultiDict[str] = CIMultiDict()
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            kind = type(pair).__name__  # not the thing itself: it may be a credential
            raise TypeError(f"each of headers must be a (name, value) pair, not this {kind}")
        name, value = pair
        fields.add(to_name(name), to_value(name, value))
    return fields


def is_token(name: str) -> bool:
    """Whether HTTP allows it as a field name, or as a method."""
    return _TOKEN.fullmatch(name) is not None


def to_name(name: object) -> str:
    """The field name, checked. Raises: TypeError, ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"a header name must be text, not {type(name).__name__}")
    if not is_token(name):
        raise ValueError(f"{name!r} is not a valid header name")
    return name


def to_value(name: str, value: object) -> str:
    """The field value as text, stripped and checked. Raises: ValueError."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, bytes | bytearray | memoryview):
        text = bytes(value).decode("latin-1")
    elif value is None:
        text = "undefined"
    else:
        text = str(value)
    text = text.strip(" \t\r\n")
    if _FORBIDDEN_IN_VALUE.search(text):
        raise ValueError(
            f"the value of header {name!r} has a control character or half a character in it"
        )
    return text
