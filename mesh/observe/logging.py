"""Log lines for people: time, level, event name, then fields.

    18:20:31.204 INFO    cell.serving cell=default/0 pid=4711

It formats; it does not decide what is logged.
"""

from __future__ import annotations

import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """One line per record: the event, then `extra` fields as key=value; then the traceback."""

    default_time_format = "%H:%M:%S"
    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        fields = "".join(
            f" {name}={_quote(value)}"
            for name, value in vars(record).items()
            if name not in _STANDARD
        )
        line = f"{self.formatTime(record)} {record.levelname:<7} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _quote(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)


def configure(level: str) -> None:
    """Send log records of this process to standard error.

    The mesh's own loggers follow `level`; the root logger, and with it worker code, is at WARNING,
    as Python and Cloudflare have it, unless `level` is lower than INFO.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter())
    root_level = logging.DEBUG if level == "DEBUG" else logging.WARNING
    logging.basicConfig(level=root_level, handlers=[handler])
    for name in ("agent", "mesh", "workers"):
        logging.getLogger(name).setLevel(level)
