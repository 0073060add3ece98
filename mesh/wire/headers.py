"""Header fields on the wire: names and values in turn, each as UTF-8 bytes.

Every text comes back as it was: half a character (a lone surrogate, by which a byte that is not
UTF-8 is kept) has a form of its own. Nothing is checked against HTTP; both ends are the mesh.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from mesh.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence


def to_wire(fields: CIMultiDict[str]) -> list[bytes]:
    """Names and values of `fields` in turn, in order."""
    texts = chain.from_iterable(fields.items())
    try:
        return [*map(str.encode, texts)]
    except UnicodeEncodeError:  # rare, and asking for it each time costs a third more
        texts = chain.from_iterable(fields.items())
        return [text.encode("utf-8", "surrogatepass") for text in texts]


def from_wire(flat: Sequence[bytes]) -> CIMultiDict[str]:
    """The fields that `to_wire` was given. Raises: ProtocolError."""
    if len(flat) % 2:
        raise ProtocolError("header fields: a name without a value")
    texts = iter(_decode(flat))
    return CIMultiDict(zip(texts, texts, strict=True))


def _decode(flat: Sequence[bytes]) -> list[str]:
    try:
        return [*map(bytes.decode, flat)]
    except UnicodeDecodeError:
        pass
    try:
        return [part.decode("utf-8", "surrogatepass") for part in flat]
    except UnicodeDecodeError as error:
        raise ProtocolError(f"header fields: {error.reason}") from None
