"""Says what is going on while nothing else can be seen."""

from __future__ import annotations

import time

_BEGAN = time.monotonic()


def tell(what: str) -> None:
    """Print `what` behind the seconds since the start."""
    print(f"[{time.monotonic() - _BEGAN:5.1f} s] {what}", flush=True)
