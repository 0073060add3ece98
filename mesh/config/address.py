"""`HOST:PORT`, as listeners are written in files and flags. No name is looked up."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\[\]\s]+)\]|(?P<host>[^:\[\]\s/@]+)):(?P<port>[0-9]{1,5})")


def parse_address(text: str) -> tuple[str, int]:
    """Host, without the brackets of IPv6, and port; port 0 is allowed.

    Raises:
        ValueError: the text is no such address; the message says so.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is not HOST:PORT")
    if match["ipv6"]:
        IPv6Address(match["ipv6"])  # its AddressValueError says what is wrong
    port = int(match["port"])
    if port > 65535:
        raise ValueError(f"port {port} is above 65535")
    return match["ipv6"] or match["host"], port
