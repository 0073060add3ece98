"""URLs as the web platform defines them, by the Ada parser.

Source: WHATWG URL, "URL parsing".
"""

from __future__ import annotations

import ada_url

_PRIVATE_BASE = "http://worker/"
"""The origin of a URL that is given as a path only: a private call has no need of a host."""


def normalise(url: str) -> str:
    """The URL as browsers write it; a path alone is put behind `http://worker`.

    Raises: TypeError where it is not a URL.
    """
    try:
        if url.startswith("/") and not url.startswith("//"):
            return ada_url.join_url(_PRIVATE_BASE, url)
        return ada_url.normalize_url(url)
    except ValueError:
        raise TypeError(f"Unable to parse URL: {url}") from None
