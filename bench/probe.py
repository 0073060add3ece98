"""What is asked of every server, what must come back, and one request that checks it."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

PATH = "/orders?limit=10"
SECRET = "let-me-in"  # the value in the example's .dev.vars.example
HEADER = f"x-custom-token: {SECRET}"
ANSWER = b"Hello from the application\nmethod: GET\npath: /orders\nquery: limit=10\nbody: \n"


def problem_with(url: str, expected: bytes, *, is_guarded: bool) -> str:
    """What is wrong with the answers of the server at `url`, empty where nothing is."""
    status, body = _get(url, SECRET)
    if (status, body) != (200, expected):
        return f"answered {status} {body[:80]!r}, not 200 {expected!r}"
    if is_guarded and (status := _get(url, "wrong")[0]) != 403:
        return f"answered {status}, not 403, to a wrong token"
    return ""


def _get(url: str, token: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", PATH, headers={"x-custom-token": token})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
