"""The public edge, over real sockets."""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.agent_process import AgentProcess
from tests.support.files import write_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024

GATEWAY = """
    from workers import Response, WorkerEntrypoint

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            if "/both" in request.url:
                verdict = await self.env.READER.fetch(request.clone())
            elif "/clone" in request.url:
                verdict = await self.env.CHECKER.fetch(request.clone())
            else:
                return await self.env.WORKER.fetch(request)
            answer = await self.env.READER.fetch(request)
            return Response.from_json([await verdict.text(), await answer.text()])
"""

CHECKER = """
    from workers import Response, WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            return Response(request.headers["content-length"])
"""

READER = """
    import hashlib
    from workers import Response, WorkerEntrypoint
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            digest, size = hashlib.sha256(), 0
            async for chunk in request.body:
                digest.update(chunk)
                size += len(chunk)
            return Response(f"{size} {digest.hexdigest()}")
"""

WORKER = """
    import asyncio
    import sys
    from workers import Response, WorkerEntrypoint

    events = []

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            path = request.url.split("?")[0].rsplit("/", 1)[1]
            return await getattr(self, path)(request)

        async def headers(self, request):
            pairs = [[name, request.headers.get_all(name)] for name in request.headers]
            return Response.from_json({"url": request.url, "headers": dict(pairs)})

        async def echo(self, request):
            return Response(request.body, headers={"content-type": "x/echo"})

        async def fail(self, request):
            raise ValueError("secret reason")

        async def leave(self, request):
            sys.exit(1)

        async def cancel(self, request):
            asyncio.current_task().cancel()
            await asyncio.sleep(1)

        async def no_content(self, request):
            return Response(None, 204)

        async def not_modified(self, request):
            return Response(None, 304, headers={"etag": '"x"'})

        async def cookies(self, request):
            return Response("c", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                                          ("Connection", "x-gone"), ("X-Gone", "1"),
                                          ("X-Mesh-Forged", "1"), ("X-Kept", "1")])

        async def ticks(self, request):
            async def tick():
                events.append("began")
                try:
                    while True:
                        yield "tick "
                        await asyncio.sleep(0.01)
                finally:
                    events.append("closed")
            return Response(tick())

        async def short(self, request):
            async def stream():
                yield "abc"
            return Response(stream(), headers={"content-length": "10"})

        async def empty(self, request):
            return Response(None, headers={"content-length": "10"})

        async def broken(self, request):
            async def stream():
                yield "abc"
                raise ValueError("secret reason")
            return Response(stream())

        async def wait(self, request):
            events.append("began")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                events.append("cancelled")
                raise

        async def read(self, request):
            return Response(str(len(await request.bytes())))

        async def late(self, request):
            async def count():
                events.append(str(len(await copy.bytes())))
            copy = request.clone()
            self.ctx.waitUntil(count())
            return Response("at once")

        async def events(self, request):
            answer = " ".join(events)
            events.clear()
            return Response(answer)
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """A gateway before three private workers; the body limit is 101 MiB."""
    folder = tmp_path_factory.mktemp("edge")
    services = ", ".join(
        f'{{ binding = "{name.upper()}", service = "{name}" }}'
        for name in ("checker", "reader", "worker")
    )
    write_worker(folder, "gateway", GATEWAY, config=f"workers_dev = true\nservices = [{services}]")
    write_worker(folder, "checker", CHECKER)
    write_worker(folder, "reader", READER)
    write_worker(folder, "worker", WORKER)
    (folder / "mesh.toml").write_text(f"[limits]\nbody_bytes = {101 * MIB}\n")
    with AgentProcess(directory=folder, environ={"TMPDIR": str(folder)}) as process:
        yield process


def raw(agent: AgentProcess, data: bytes) -> bytes:
    """Send bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(data)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def wait_for_events(agent: AgentProcess, expected: str) -> None:
    """Wait until the worker has seen what is expected, at most a second (R12)."""
    deadline = time.monotonic() + 1
    seen = ""
    while seen != expected:
        assert time.monotonic() < deadline, f"seen {seen!r}"
        seen = f"{seen} {agent.request('/events').body.decode()}".strip()
        time.sleep(0.005)


def test_request_fields(agent: AgentProcess) -> None:
    """Hop-by-hop fields, those that Connection names, and x-mesh-* stop at the edge."""
    answer = agent.request(
        "/headers?q=%41",
        headers={
            "Host": "shop.example:8787",
            "Connection": "close, X-Named, Authorization",
            "X-Named": "1",
            "Authorization": "kept",
            "TE": "trailers",
            "Keep-Alive": "5",
            "X-Mesh-Caller": "forged",
            "X-Other": "kept",
        },
    )
    seen = json.loads(answer.body)
    assert seen["url"] == "http://shop.example:8787/headers?q=%41"
    assert seen["headers"] == {
        "Host": ["shop.example:8787"],
        "Accept-Encoding": ["identity"],
        "Authorization": ["kept"],
        "X-Other": ["kept"],
    }


def test_bytes_that_are_not_utf8(agent: AgentProcess) -> None:
    """A header byte that is not UTF-8 is read as Latin-1; in the target it is a bad request."""
    answer = raw(
        agent,
        b"GET /headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"X-Latin: caf\xe9\r\nX-Utf8: caf\xc3\xa9\r\n\r\n",
    )
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert seen["headers"] == {"Host": ["x"], "X-Latin": ["café"], "X-Utf8": ["café"]}
    for target in (b"/\xff", b"/?\xff"):
        answer = raw(agent, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 400 " in answer.partition(b"\r\n")[0]


def test_response_fields(agent: AgentProcess) -> None:
    """Repeated Set-Cookie stay apart; hop-by-hop and forged fields of a worker go nowhere."""
    answer = agent.request("/cookies")
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["x-kept"] == "1"
    assert answer.headers["x-gone"] is None
    assert answer.headers["x-mesh-forged"] is None


@pytest.mark.parametrize("path", ["/fail", "/leave", "/cancel"])
def test_failing_worker_is_an_empty_500(agent: AgentProcess, path: str) -> None:
    """The public sees a status, the kind and a request id; the log has one traceback with it."""
    before = agent.log.count("Traceback")
    answer = agent.request(path)
    assert (answer.status, answer.body) == (500, b"")
    assert answer.headers["x-mesh-error"] == "exception"
    assert "secret" not in str(answer.headers)
    identifier = answer.headers["x-request-id"]
    assert agent.log.count("Traceback") == before + 1
    assert sum(identifier in line for line in agent.log.splitlines()) == 2  # the worker, the edge
    assert agent.request("/no_content").status == 204


def test_bodiless_answers(agent: AgentProcess) -> None:
    """204, 304 and HEAD have no body and leave the connection usable."""
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
    for method, path, status in (
        ("GET", "/no_content", 204),
        ("GET", "/not_modified", 304),
        ("HEAD", "/cookies", 200),
        ("HEAD", "/ticks", 200),
        ("GET", "/cookies", 200),
    ):
        connection.request(method, path)
        response = connection.getresponse()
        assert response.status == status
        assert response.read() == (b"c" if (method, path) == ("GET", "/cookies") else b"")
    connection.close()
    wait_for_events(agent, "")


def test_upload_and_download_stream_at_once(agent: AgentProcess) -> None:
    """The answer begins before the upload has ended, chunk by chunk."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
        )
        received = b""
        while b"one" not in received:
            received += connection.recv(65536)
        assert b"content-type: x/echo" in received.lower()
        connection.sendall(b"3\r\ntwo\r\n0\r\n\r\n")
        while b"0\r\n\r\n" not in received:
            received += connection.recv(65536)
        assert received.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_client_that_leaves_cancels_the_handler(agent: AgentProcess) -> None:
    """Over two workers, within a second."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for_events(agent, "began")
    wait_for_events(agent, "cancelled")


def test_client_that_leaves_closes_the_stream(agent: AgentProcess) -> None:
    """The callee's generator runs its finally when the client stops listening."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while b"tick" not in received:
            received += connection.recv(65536)
    wait_for_events(agent, "began closed")


def test_body_that_breaks_off_is_seen_as_such(agent: AgentProcess) -> None:
    """The connection ends without the end of the body, so that nobody takes it for whole."""
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        agent.request("/broken")
    assert "edge.broke_off" in agent.log


def test_content_length_of_a_worker_is_no_promise(agent: AgentProcess) -> None:
    """A header copied from elsewhere cannot break the connection: the body decides, except HEAD."""
    assert agent.request("/short").body == b"abc"
    assert agent.request("/empty").body == b""
    assert agent.request("/empty", method="HEAD").headers["content-length"] == "10"


def test_declared_length_reaches_the_client(agent: AgentProcess) -> None:
    """A streamed body of known length is sent with Content-Length, others chunked."""
    answer = agent.request("/echo", method="POST", body=b"x" * 300_000)
    assert answer.headers["content-length"] == "300000"
    assert answer.headers["transfer-encoding"] is None
    assert answer.body == b"x" * 300_000


def test_wait_until_may_read_an_upload_that_is_still_coming(agent: AgentProcess) -> None:
    """The connection stays with the request until its tasks have read the body, and then ends."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(b"POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        received = b""
        while b"at once" not in received:
            received += connection.recv(65536)
        assert b"Connection: close" in received  # so that no other request waits behind it
        connection.sendall(b"x" * 100_000)
        wait_for_events(agent, "100000")
        assert connection.recv(65536) == b""


def test_expect_continue(agent: AgentProcess) -> None:
    """100 Continue is sent when a worker begins to read, and not before."""
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(head % b"/read")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"12345")
        assert connection.recv(65536).endswith(b"\r\n\r\n5")
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(head % b"/no_content")
        assert connection.recv(65536).startswith(b"HTTP/1.1 204")
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
        connection.sendall(head % b"/echo")  # never in the middle of the response
        received = b""
        while b"HTTP/1.1 200" not in received:
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
        connection.sendall(b"12345")
        while not received.endswith(b"12345"):
            received += connection.recv(65536)
        assert received.count(b"HTTP/1.1") == 2


MALFORMED = {
    "bad field name": (b"GET / HTTP/1.1\r\nHost: x\r\nBad Name\x01: 1\r\n\r\n", 400),
    "bad method": (b"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "too long a field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", 431),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_request_gets_a_bare_status(agent: AgentProcess, name: str) -> None:
    """The client's mistake is one line in the log and no page that quotes it; the cell is well."""
    request, status = MALFORMED[name]
    before = agent.log.count("Traceback")
    head, _, body = raw(agent, request).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert body == b""
    assert b"x-mesh-error: " in head
    assert b"aiohttp" not in head
    identifier = head.partition(b"x-request-id: ")[2].split(b"\r\n")[0].decode()
    (line,) = [line for line in agent.log.splitlines() if identifier in line]
    assert "edge.failed" in line
    assert agent.log.count("Traceback") == before
    assert agent.request("/no_content").status == 204


def test_long_fields_and_old_clients(agent: AgentProcess) -> None:
    """A cookie of 12 KiB passes; HTTP/1.0 may do without a Host."""
    assert agent.request("/no_content", headers={"Cookie": "x" * 12_000}).status == 204
    answer = raw(agent, b"GET /headers HTTP/1.0\r\n\r\n")
    assert b'"url": "http://127.0.0.1/headers"' in answer


def test_too_large_body_is_413(agent: AgentProcess) -> None:
    """Declared or not: nothing above limits.body_bytes reaches a worker whole."""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as refused:
        head = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        refused.sendall(head % (101 * MIB + 1))
        declared = refused.recv(65536)
    assert declared.startswith(b"HTTP/1.1 413")
    assert b"x-mesh-error: body_too_large" in declared
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=30)
    connection.request("POST", "/read", body=(b"x" * MIB for _ in range(102)))
    assert connection.getresponse().status == 413
    connection.close()


def test_targets(agent: AgentProcess) -> None:
    """Absolute-form is accepted where it fits the Host; a Host that is none is refused."""
    close = b"Connection: close\r\n\r\n"
    fits = raw(agent, b"GET http://a.b/headers?x HTTP/1.1\r\nHost: a.b\r\n" + close)
    assert b'"url": "http://a.b/headers?x"' in fits
    other = raw(agent, b"GET http://a.b/headers HTTP/1.1\r\nHost: c.d\r\n" + close)
    assert other.startswith(b"HTTP/1.1 400")
    for host in (b"", b"a b", b"user@a", b"a/b", b"a,b", b"1.2.3.256", b"a:99999"):
        answer = raw(agent, b"GET /headers HTTP/1.1\r\nHost: " + host + b"\r\n" + close)
        assert answer.startswith(b"HTTP/1.1 400"), host


def test_body_limit_holds_for_chunks_that_have_arrived(tmp_path: Path) -> None:
    """However small the limit is, and however fast the body came."""
    write_worker(tmp_path, "worker", WORKER, config="workers_dev = true")
    (tmp_path / "mesh.toml").write_text("[limits]\nbody_bytes = 10\n")
    with AgentProcess(directory=tmp_path) as agent:
        answer = raw(
            agent,
            b"POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n",
        )
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"x-mesh-error: body_too_large" in answer


def test_compressed_answer_from_outside_is_passed_on_whole(tmp_path: Path) -> None:
    """`return await fetch(...)`: the body is decoded, and its length is that of what is sent."""
    page = b"x" * 10_000

    class Upstream(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = gzip.compress(page)
            assert "br" not in self.headers["accept-encoding"]
            self.send_response(200)
            self.send_header("content-encoding", "gzip")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as upstream:
        thread = threading.Thread(target=upstream.serve_forever)
        thread.start()
        write_worker(
            tmp_path,
            "proxy",
            """
            from workers import WorkerEntrypoint, fetch
            class Default(WorkerEntrypoint):
                async def fetch(self, request):
                    return await fetch(self.env.UPSTREAM, headers=request.headers)
            """,
            config=f"""
            workers_dev = true
            vars = {{ UPSTREAM = "http://127.0.0.1:{upstream.server_port}/" }}
            """,
        )
        try:
            with AgentProcess("proxy", directory=tmp_path) as agent:
                answer = agent.request("/", headers={"Accept-Encoding": "br, gzip"})
                assert (answer.status, answer.body) == (200, page)
                assert answer.headers["content-encoding"] is None
        finally:
            upstream.shutdown()
            thread.join()


def memory(pid: int, field: str) -> int:
    """A figure of /proc/PID/status in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def upload(agent: AgentProcess, path: str, size: int) -> tuple[list[str], int]:
    """Stream `size` bytes. Returns the answer and how far the cell's peak memory grew."""
    (cell,) = agent.cells()
    Path(f"/proc/{cell}/clear_refs").write_text("5")  # resets the peak
    before = memory(cell, "VmRSS")
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=60)
    chunks = (bytes([number % 251]) * MIB for number in range(size // MIB))
    connection.request("POST", path, body=chunks, headers={"Content-Length": str(size)})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer, memory(cell, "VmHWM") - before


def digest(size: int) -> str:
    """What the reader answers for that upload."""
    import hashlib

    hashed = hashlib.sha256()
    for number in range(size // MIB):
        hashed.update(bytes([number % 251]) * MIB)
    return f"{size} {hashed.hexdigest()}"


def test_large_upload_streams_through_a_clone_that_nobody_reads(agent: AgentProcess) -> None:
    """100 MiB pass with at most 16 MiB of memory where auth reads only the headers."""
    size = 100 * MIB
    upload(agent, "/clone", 8 * MIB)
    answer, grown = upload(agent, "/clone", size)
    assert answer == [str(size), digest(size)]
    assert grown <= 16 * MIB


def test_large_upload_that_both_read_spills_to_disk(agent: AgentProcess) -> None:
    """Both see the whole body, and the memory stays bounded."""
    size = 100 * MIB
    answer, grown = upload(agent, "/both", size)
    assert answer == [digest(size), digest(size)]
    assert grown <= 16 * MIB
