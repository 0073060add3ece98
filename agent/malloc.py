"""Tells the C library to keep large blocks, instead of asking the kernel for each anew.

A streamed body costs one block a batch. With the default thresholds every one of them is mapped,
faulted in page by page and unmapped: three to seven times slower (ADR 1, table 4).
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

TRIM_BYTES: Final = 64 * 1024 * 1024
MMAP_BYTES: Final = 32 * 1024 * 1024  # glibc takes no more


def raise_thresholds() -> None:
    """Raise glibc's thresholds for this process; on other C libraries silently nothing."""
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - only glibc has it; others may lie about mallopt
        mallopt = library.mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_TRIM_THRESHOLD, TRIM_BYTES)
    mallopt(_M_MMAP_THRESHOLD, MMAP_BYTES)
