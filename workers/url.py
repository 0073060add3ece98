"""URLs as the web platform defines them, by the Ada parser.

Source: WHATWG URL, "URL parsing".
"""

from __future__ import annotations

import can_ada

_PRIVATE_ORIGIN = "http://worker"
"""The origin of a URL that is given as a path only: a private call has no need of a host."""


def normalise(url: str) -> str:
    """The URL as browsers write it; a path alone is put behind `http://worker`.

    Raises: TypeError where it is not a URL.
    """
    try:
        if url.startswith("/") and not url.startswith("//"):
            # not joined: to a URL parser "/\\host" and "/\t/host" name another host
            url = _PRIVATE_ORIGIN + url
        return can_ada.parse(url).href
    except (ValueError, TypeError):  # TypeError: half a character
        text = url.encode(errors="backslashreplace").decode()
        raise TypeError(f"Unable to parse URL: {text}") from None
