"""Our link, as a cell calls another: a channel for each binding, all over one link.

Requests are made by the SDK's public constructor for every call, as worker code makes them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bench.remote.certificates import Certificates
from bench.remote.envelope import BODY, PATH, REQUEST_FIELDS, check, chunks
from bench.remote.link import CALLEE, CALLER, CELL, ENTRYPOINTS, REVISION, binding_id
from mesh.channel.links import Links
from mesh.channel.remote import RemoteChannel
from mesh.routing.endpoint import Endpoint, RemoteTarget
from workers import Request
from workers.context import Call, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.remote.client import Flow

_URL = f"http://{CALLEE}{PATH}"


class LinkClient:
    """See `bench.remote.client.Client`."""

    def __init__(self, channels: dict[str, RemoteChannel]) -> None:
        self._small, self._download, self._upload = (channels[name] for name in ENTRYPOINTS)

    async def call(self) -> None:
        request = Request(_URL, method="POST", headers=REQUEST_FIELDS, body=BODY)
        answer = await self._small.call(request, Call(Tree(), CALLER, "SMALL"))
        body = await answer.bytes()
        check(is_right=answer.status == 200 and body == BODY, what=f"{answer.status} {body!r}")

    async def download(self, length: int, flow: Flow) -> None:
        request = Request(f"http://{CALLEE}/{length}")
        answer = await self._download.call(request, Call(Tree(), CALLER, "DOWNLOAD"))
        assert answer.body is not None
        count = 0
        try:
            async for chunk in answer.body:
                count += len(chunk)
                flow.received += len(chunk)
        finally:
            await answer.body.aclose()
        check(is_right=count == length, what=f"{count} bytes of {length} came")

    async def upload(self, length: int) -> None:
        request = Request(f"http://{CALLEE}/", method="POST", body=chunks(length))
        answer = await self._upload.call(request, Call(Tree(), CALLER, "UPLOAD"))
        count = int(await answer.text())
        check(is_right=count == length, what=f"{count} bytes of {length} came")


@asynccontextmanager
async def connect(address: str, *, tls: bool) -> AsyncIterator[LinkClient]:
    """See `bench.remote.client.Connect`."""
    credentials = Certificates.issued().channel_credentials() if tls else None
    endpoint = Endpoint(id=address, agent="callee", cell=CELL, address=address)
    async with Links(agent="caller", cell=CELL, credentials=credentials) as links:
        yield LinkClient({name: _channel(links, endpoint, name) for name in ENTRYPOINTS})


def _channel(links: Links, endpoint: Endpoint, entrypoint: str) -> RemoteChannel:
    target = RemoteTarget(
        binding=binding_id(entrypoint),
        service=CALLEE,
        worker=CALLEE,
        endpoints=(endpoint,),
        revision=REVISION,
    )
    return RemoteChannel(links, target)
