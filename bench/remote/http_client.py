"""aiohttp's client, with as many kept connections as there are callers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from bench.remote.certificates import Certificates
from bench.remote.envelope import BODY, PATH, REQUEST_FIELDS, check, chunks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.remote.client import Flow

_CONNECTIONS = 65  # of 64 callers, and of a stream beside them


class HttpClient:
    """See `bench.remote.client.Client`."""

    def __init__(self, session: aiohttp.ClientSession, base: URL) -> None:
        self._session = session
        self._base = base
        self._small = base.join(URL(PATH))

    async def call(self) -> None:
        async with self._session.post(self._small, data=BODY, headers=REQUEST_FIELDS) as answer:
            body = await answer.read()
            check(is_right=answer.status == 200 and body == BODY, what=f"{answer.status} {body!r}")

    async def download(self, length: int, flow: Flow) -> None:
        count = 0
        async with self._session.get(self._base / "download" / str(length)) as answer:
            async for chunk in answer.content.iter_any():
                count += len(chunk)
                flow.received += len(chunk)
        check(is_right=count == length, what=f"{count} bytes of {length} came")

    async def upload(self, length: int) -> None:
        fields = {"content-length": str(length)}
        url = self._base / "upload"
        async with self._session.post(url, data=chunks(length), headers=fields) as answer:
            count = int(await answer.read())
        check(is_right=count == length, what=f"{count} bytes of {length} came")


@asynccontextmanager
async def connect(address: str, *, tls: bool) -> AsyncIterator[HttpClient]:
    """See `bench.remote.client.Connect`."""
    connector: aiohttp.BaseConnector
    if address.startswith("unix:"):
        base = URL("http://callee")
        connector = aiohttp.UnixConnector(address.removeprefix("unix:"), limit=_CONNECTIONS)
    else:
        base = URL(f"{'https' if tls else 'http'}://{address}")
        context = Certificates.issued().client_context() if tls else True
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=context)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield HttpClient(session, base)
