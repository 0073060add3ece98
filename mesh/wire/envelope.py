"""Requests and responses as the heads of exchanges, and back.

What crosses is what a callee in the same process would get: the same method, URL, header text and
status text, and whether there is a body at all. Bodies themselves are the business of exchanges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mesh.errors import ProtocolError
from mesh.wire.failures import sendable_text
from mesh.wire.headers import from_wire, to_wire
from workers.body import ByteStream
from workers.context import Call, Tree
from workers.request import Request
from workers.response import Response

if TYPE_CHECKING:
    from mesh.v1.link_pb2 import Head, Open


class Envelope(msgspec.Struct, frozen=True):
    """A request's head, taken once: what the caller changes later does not matter."""

    method: str
    url: str
    headers: list[bytes]
    redirect: str
    has_body: bool
    body_length: int | None

    @classmethod
    def from_request(cls, request: Request, body: bytes | ByteStream | None) -> Envelope:
        """The head of `request`, whose body is `body`."""
        url = request._url
        if not url.isascii():
            url = request.url
        length = body.length if isinstance(body, ByteStream) else None
        headers = to_wire(request._fields)
        return cls(request._method, url, headers, request._redirect, body is not None, length)

    def write_to(self, head: Open) -> None:
        """Set the fields that say what is asked."""
        head.method = self.method
        head.url = self.url
        head.headers.extend(self.headers)
        head.redirect = self.redirect
        if self.has_body:
            head.has_body = True
            if self.body_length is not None:
                head.body_length = self.body_length


def write_call(head: Open, call: Call) -> None:
    """Set the fields that say on whose behalf it is asked, but for the time that is left."""
    tree = call.tree
    head.caller = call.caller or ""
    head.binding_name = call.binding or ""
    head.invocations = tree.used
    head.invocation_limit = limit = tree.lent_limit
    if (public_limit := tree.public_limit or tree.limit) != limit:
        head.public_limit = public_limit
    head.request_id = tree.request_id
    if call.parent is not None and (path := call.parent.path):
        head.path.extend(path)


def to_call(head: Open, now: float) -> Call:
    """The call that `write_call` was given, in this process whose event loop's time is `now`.

    Raises: ProtocolError.
    """
    if len(head.path) > head.invocation_limit:
        raise ProtocolError("a path of more workers than may be called")
    tree = Tree(head.invocation_limit, head.invocations, head.request_id, head.public_limit)
    deadline = now + head.remaining_ms / 1000 if head.HasField("remaining_ms") else None
    parent = None
    for caller in head.path:
        parent = Call(tree, caller, None, parent, deadline)
    return Call(tree, head.caller or None, head.binding_name or None, parent, deadline)


def to_request(head: Open, body: bytes | ByteStream | None) -> Request:
    """The request that an exchange begins with. Raises: ProtocolError."""
    request = Request._received(head.method, head.url, from_wire(head.headers), body)
    request._redirect = head.redirect
    return request


def write_response(head: Head, response: Response, body: bytes | ByteStream | None) -> None:
    """Set the fields of a response's head, whose body is `body`."""
    head.status = response._status
    if response._status_text:
        head.status_text = response._status_text
    head.headers.extend(to_wire(response._fields))
    if response.url:
        head.url = sendable_text(response.url)
    if response.redirected:
        head.redirected = True
    if body is not None:
        head.has_body = True
        if isinstance(body, ByteStream) and body.length is not None:
            head.body_length = body.length


def to_response(head: Head, body: bytes | ByteStream | None) -> Response:
    """The response that `write_response` was given. Raises: ProtocolError."""
    if not 200 <= head.status <= 599:
        raise ProtocolError(f"a response of status {head.status}")
    response = Response.__new__(Response)
    response._body = body
    response._used = False
    response._status = head.status
    response._status_text = head.status_text
    response._fields = from_wire(head.headers)
    response.url = head.url
    response.redirected = head.redirected
    return response
