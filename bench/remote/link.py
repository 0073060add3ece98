"""What both ends of the measured link call things."""

from __future__ import annotations

from typing import Final

CALLER: Final = "gateway"
CALLEE: Final = "callee"
CELL: Final = "bench/0"
REVISION: Final = 1
ENTRYPOINTS: Final = ("Small", "Download", "Upload")


def binding_id(entrypoint: str) -> str:
    """The binding that leads to an entrypoint of the callee, as calls name it."""
    return f"{CALLER}/{entrypoint.upper()}/0123456789abcdef"
