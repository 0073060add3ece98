"""Public traffic in the background: clients that ask again and again, and what they got."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self


@dataclass(frozen=True)
class Record:
    """One request: when it was sent and answered (monotonic seconds), and how; 0 is no answer."""

    sent: float
    answered: float
    status: int
    body: bytes


class Traffic:
    """`clients` threads that send requests one after another, `pause` seconds apart."""

    def __init__(
        self,
        port: int,
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        clients: int = 4,
        pause: float = 0.005,
    ) -> None:
        self.records: list[Record] = []
        self._port = port
        self._path = path
        self._headers = dict(headers or {})
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def statuses(self) -> set[int]:
        """All statuses that were seen."""
        return {record.status for record in self.records}

    def wait_for(self, count: int, seconds: float = 10.0) -> None:
        """Let `count` more requests be answered."""
        goal = len(self.records) + count
        deadline = time.monotonic() + seconds
        while len(self.records) < goal:
            assert time.monotonic() < deadline, f"{len(self.records)} of {goal} answers"
            time.sleep(0.01)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._stop.wait(self._pause):
            sent = time.monotonic()
            try:
                connection.request("GET", self._path, headers=self._headers)
                response = connection.getresponse()
                status, body = response.status, response.read()
            except (OSError, http.client.HTTPException):
                status, body = 0, b""
                connection.close()
            self.records.append(Record(sent, time.monotonic(), status, body))
        connection.close()
