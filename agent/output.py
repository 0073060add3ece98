"""Standard output and error of a cell, which outlive whoever read them."""

from __future__ import annotations

import io
import sys


class _Forgiving(io.TextIOWrapper):
    """Text that nobody reads any more is dropped, so that `print` in a worker fails no request."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            pass


def forgive_closed_pipes() -> None:
    """Let this process write on when the other end of its output is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        setattr(
            sys,
            name,
            _Forgiving(
                stream.detach(), encoding="utf-8", errors="backslashreplace", write_through=True
            ),
        )
