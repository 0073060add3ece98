"""Calls over a link are calls: everything arrives as it would in the same process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mesh.v1.link_pb2 import Refused
from tests.support.link_under_test import LinkUnderTest, new_call, run_link
from workers import (
    BodyLimitError,
    BodyUsedError,
    CallError,
    DeadlineExceeded,
    NotBound,
    RemoteError,
    Request,
    Response,
    ServiceUnavailable,
)

if TYPE_CHECKING:
    from workers.context import Call


async def echo(request: Request, call: Call) -> Response:
    response = Response(await request.bytes(), status=201, status_text="Made so")
    response._fields = request._fields.copy()
    return response


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_envelope_arrives_as_it_was(kind, tmp_path) -> None:
    """Method, URL, header text, repeated fields, redirect mode, body; status and its text."""
    seen: list[Request] = []

    async def handle(request: Request, call: Call) -> Response:
        seen.append(request)
        assert call.path == ["gateway"]
        assert (call.caller, call.binding, call.tree.used) == ("gateway", "AUTH", 2)
        response = await echo(request, call)
        response.url, response.redirected = "http://elsewhere/", True
        return response

    async def test(link: LinkUnderTest) -> None:
        headers = [
            ("X-Ünicode"[:2] + "a", "é\udcff"),
            ("x-a", "2"),
            ("set-cookie", "a"),
            ("set-cookie", "b"),
        ]
        response = await link.fetch(
            url="http://auth/ä?q=%20#f",
            method="PATCH",
            headers=headers,
            body=b"\0\xff",
            redirect="error",
        )
        (request,) = seen
        assert (request.method, request.url) == ("PATCH", "http://auth/%C3%A4?q=%20#f")
        assert request.redirect == "error"
        assert list(request._fields.items()) == headers
        assert list(response._fields.items()) == headers
        assert (response.status, response.status_text) == (201, "Made so")
        assert (response.url, response.redirected) == ("http://elsewhere/", True)
        assert await response.bytes() == b"\0\xff"

    run_link(handle, test, f"unix:{tmp_path}/s" if kind == "unix" else "127.0.0.1:0")


def test_no_body_is_not_an_empty_body() -> None:
    """Both ways."""

    async def handle(request: Request, call: Call) -> Response:
        return Response(None if request.body is None else b"")

    async def test(link: LinkUnderTest) -> None:
        assert (await link.fetch()).body is None
        response = await link.fetch(method="POST", body=b"")
        assert response.body is not None
        assert await response.bytes() == b""

    run_link(handle, test)


def test_length_of_a_stream_is_known_where_it_was() -> None:
    """`body.length` crosses; a generator has none."""

    async def handle(request: Request, call: Call) -> Response:
        assert request.body is not None
        return Response(str(request.body.length))

    async def test(link: LinkUnderTest) -> None:
        async def generate():
            yield b"x"

        known = await link.fetch(
            method="POST", body=Request("http://a", method="POST", body=b"abc").body
        )
        assert await known.text() == "3"
        assert await (await link.fetch(method="POST", body=generate())).text() == "None"

    run_link(handle, test)


def test_failures_cross_as_the_same_classes() -> None:
    """A builtin is an instance of itself; a CallError keeps its class and data."""

    async def handle(request: Request, call: Call) -> Response:
        from mesh.wire.failures import for_caller

        if request.url.endswith("/value"):
            raise for_caller(ValueError("no\udcff"), call, "auth")
        if request.url.endswith("/private"):
            raise for_caller(
                type("Odd", (Exception,), {"__module__": "_w_a_1"})("x" * 10**6), call, "auth"
            )
        if request.url.endswith("/passed"):
            raise ServiceUnavailable("deeper", caller="auth", binding="DB", target="db")
        raise KeyError("a bug of the cell")

    async def test(link: LinkUnderTest) -> None:
        with pytest.raises(ValueError, match="no") as value:
            await link.fetch(url="http://a/value")
        assert isinstance(value.value, RemoteError)
        assert value.value.remote_class == "ValueError"
        with pytest.raises(RemoteError) as private:
            await link.fetch(url="http://a/private")
        assert private.value.remote_class == "Odd"
        with pytest.raises(ServiceUnavailable, match="deeper") as passed:
            await link.fetch(url="http://a/passed")
        assert (passed.value.caller, passed.value.binding, passed.value.target) == (
            "auth",
            "DB",
            "db",
        )
        with pytest.raises(CallError, match="KeyError") as bug:
            await link.fetch(url="http://a/bug")
        assert "a bug of the cell" not in str(bug.value)

    run_link(handle, test)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, KeyError])
def test_whatever_leaves_dispatch_fails_its_call_alone(kind: type[BaseException]) -> None:
    """The link, and what else is under way on it, goes on."""
    go_on = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        if request.url.endswith("/slow"):
            await go_on.wait()
            return Response("slow")
        raise kind("no")

    async def test(link: LinkUnderTest) -> None:
        slow = asyncio.ensure_future(link.fetch(url="http://a/slow"))
        with pytest.raises(CallError, match=f"the called cell failed: {kind.__name__}"):
            await link.fetch()
        go_on.set()
        assert await (await slow).text() == "slow"

    run_link(handle, test)


def test_used_body_is_refused_before_anything_is_sent() -> None:
    """As in the same process."""

    async def test(link: LinkUnderTest) -> None:
        request = Request("http://a/", method="POST", body="x")
        await request.bytes()
        with pytest.raises(BodyUsedError):
            await link.channel().call(request, new_call())
        assert not link.links._running

    run_link(echo, test)


def test_deadline_ends_the_call_on_both_ends() -> None:
    """The caller stops waiting, the handler is cancelled; both give DeadlineExceeded."""
    ended = asyncio.Event()

    async def handle(request: Request, call: Call) -> Response:
        assert call.deadline is not None
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async def test(link: LinkUnderTest) -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(DeadlineExceeded):
            await link.fetch(call=new_call(deadline=loop.time() + 0.05))
        await ended.wait()
        with pytest.raises(DeadlineExceeded):
            await link.fetch(call=new_call(deadline=loop.time() - 1))
        assert len(link.admit.opened) == 1

    run_link(handle, test)


def test_remote_timeout_error_is_not_the_deadline() -> None:
    """A handler's own TimeoutError is a RemoteError, also when there is a deadline."""

    async def handle(request: Request, call: Call) -> Response:
        from mesh.wire.failures import for_caller

        raise for_caller(TimeoutError("mine"), call, "auth")

    async def test(link: LinkUnderTest) -> None:
        deadline = asyncio.get_running_loop().time() + 10
        with pytest.raises(TimeoutError, match="mine") as error:
            await link.fetch(call=new_call(deadline=deadline))
        assert isinstance(error.value, RemoteError)

    run_link(handle, test)


def test_invocations_of_the_other_side_are_counted() -> None:
    """What the callee caused counts for the public request; the limit's path names all hosts."""

    async def handle(request: Request, call: Call) -> Response:
        assert call.tree.limit == 32
        call.tree.used += 5
        return Response("x")

    async def test(link: LinkUnderTest) -> None:
        call = new_call()
        await link.fetch(call=call)
        assert call.tree.used == 7
        assert link.admit.opened[0].request_id == call.tree.request_id

    run_link(handle, test)


@pytest.mark.parametrize(
    ("reason", "error"),
    [(Refused.DENIED, NotBound), (Refused.NOT_HERE, ServiceUnavailable)],
)
def test_refusal_names_caller_binding_and_service(reason, error) -> None:
    """Worker code sees who wanted what."""

    async def test(link: LinkUnderTest) -> None:
        link.admit.verdict = Refused(reason=reason, message="not on this host")
        with pytest.raises(error) as failure:
            await link.fetch()
        assert (failure.value.caller, failure.value.binding, failure.value.target) == (
            "gateway",
            "AUTH",
            "auth",
        )
        if error is NotBound:
            assert "meshctl bind gateway AUTH=auth" in str(failure.value)

    run_link(echo, test)


def test_stale_view_is_waited_for_once() -> None:
    """The callee waits for the caller's revision, then admits once more."""

    async def test(link: LinkUnderTest) -> None:
        link.admit.verdict = Refused(reason=Refused.STALE)
        with pytest.raises(ServiceUnavailable, match="stale"):
            await link.fetch()
        assert link.admit.waited == [7]
        assert len(link.admit.opened) == 2

    run_link(echo, test)


def test_head_over_the_limit_fails_alone() -> None:
    """5 MiB of header fields end the call, not the link."""

    async def handle(request: Request, call: Call) -> Response:
        headers = {"x": "y" * (5 << 20)} if request.url.endswith("/big") else {}
        return Response("x", headers=headers)

    async def test(link: LinkUnderTest) -> None:
        await link.fetch()
        (before,) = link.links._running
        with pytest.raises(CallError, match="header fields"):
            await link.fetch(headers={"x": "y" * (5 << 20)})
        with pytest.raises(CallError, match="header fields"):
            await link.fetch(url="http://a/big")
        assert await (await link.fetch()).text() == "x"
        assert list(link.links._running) == [before]

    run_link(handle, test)


def test_body_that_breaks_off_at_the_caller_fails_its_reader() -> None:
    """The callee's reader gets what a callee in the same process would get."""

    async def handle(request: Request, call: Call) -> Response:
        try:
            await request.bytes()
        except OSError as error:
            return Response(f"{type(error).__name__}: {error}")
        raise AssertionError

    async def broken(error):
        yield b"x"
        raise error

    async def test(link: LinkUnderTest) -> None:
        response = await link.fetch(method="POST", body=broken(ZeroDivisionError("secret")))
        assert (
            await response.text()
            == "BodyClosedError: the caller's body broke off: ZeroDivisionError"
        )
        response = await link.fetch(method="POST", body=broken(BodyLimitError("too much")))
        assert await response.text() == "BodyLimitError: too much"

    run_link(handle, test)


def test_body_that_breaks_off_at_the_callee_fails_its_reader() -> None:
    """First what was sent, then the failure."""

    async def handle(request: Request, call: Call) -> Response:
        async def body():
            yield b"first"
            raise ValueError("later")

        return Response(body())

    async def test(link: LinkUnderTest) -> None:
        response = await link.fetch()
        assert response.body is not None
        assert await anext(response.body) == b"first"
        with pytest.raises(ValueError, match="later"):
            await anext(response.body)

    run_link(handle, test)
