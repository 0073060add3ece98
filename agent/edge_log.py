"""The logger of aiohttp's server, which reports requests that it could not parse.

To aiohttp such a request is an error with a traceback; to us it is the client's mistake: one line.
"""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError

SHOWN_CHARACTERS = 200


class _ClientMistakes(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg, record.args, record.exc_info = "edge.malformed", (), None
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.reason = str(error.message)[:SHOWN_CHARACTERS]
        return True


protocol_logger = logging.getLogger("agent.edge.protocol")
protocol_logger.addFilter(_ClientMistakes())
