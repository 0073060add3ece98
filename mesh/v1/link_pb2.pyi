from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FrameBatch(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("exchange", "open", "head", "data", "end", "body_failure", "credit", "stop", "reset", "refused", "last", "hello", "goaway", "ping", "pong")
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    BODY_FAILURE_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    GOAWAY_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    exchange: int
    open: Open
    head: Head
    data: bytes
    end: bool
    body_failure: BodyFailure
    credit: int
    stop: bool
    reset: Reset
    refused: Refused
    last: Last
    hello: Hello
    goaway: Goaway
    ping: int
    pong: int
    def __init__(self, exchange: _Optional[int] = ..., open: _Optional[_Union[Open, _Mapping]] = ..., head: _Optional[_Union[Head, _Mapping]] = ..., data: _Optional[bytes] = ..., end: _Optional[bool] = ..., body_failure: _Optional[_Union[BodyFailure, _Mapping]] = ..., credit: _Optional[int] = ..., stop: _Optional[bool] = ..., reset: _Optional[_Union[Reset, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., last: _Optional[_Union[Last, _Mapping]] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., goaway: _Optional[_Union[Goaway, _Mapping]] = ..., ping: _Optional[int] = ..., pong: _Optional[int] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "agent", "cell")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    version: int
    agent: str
    cell: str
    def __init__(self, version: _Optional[int] = ..., agent: _Optional[str] = ..., cell: _Optional[str] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("binding", "caller", "revision", "remaining_ms", "traceparent", "invocations", "invocation_limit", "path", "request_id", "binding_name", "method", "url", "headers", "redirect", "has_body", "body_length", "public_limit")
    BINDING_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REMAINING_MS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_LIMIT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BINDING_NAME_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    REDIRECT_FIELD_NUMBER: _ClassVar[int]
    HAS_BODY_FIELD_NUMBER: _ClassVar[int]
    BODY_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_LIMIT_FIELD_NUMBER: _ClassVar[int]
    binding: str
    caller: str
    revision: int
    remaining_ms: int
    traceparent: str
    invocations: int
    invocation_limit: int
    path: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    binding_name: str
    method: str
    url: str
    headers: _containers.RepeatedScalarFieldContainer[bytes]
    redirect: str
    has_body: bool
    body_length: int
    public_limit: int
    def __init__(self, binding: _Optional[str] = ..., caller: _Optional[str] = ..., revision: _Optional[int] = ..., remaining_ms: _Optional[int] = ..., traceparent: _Optional[str] = ..., invocations: _Optional[int] = ..., invocation_limit: _Optional[int] = ..., path: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ..., binding_name: _Optional[str] = ..., method: _Optional[str] = ..., url: _Optional[str] = ..., headers: _Optional[_Iterable[bytes]] = ..., redirect: _Optional[str] = ..., has_body: _Optional[bool] = ..., body_length: _Optional[int] = ..., public_limit: _Optional[int] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("status", "status_text", "headers", "url", "redirected", "has_body", "body_length")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_TEXT_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    REDIRECTED_FIELD_NUMBER: _ClassVar[int]
    HAS_BODY_FIELD_NUMBER: _ClassVar[int]
    BODY_LENGTH_FIELD_NUMBER: _ClassVar[int]
    status: int
    status_text: str
    headers: _containers.RepeatedScalarFieldContainer[bytes]
    url: str
    redirected: bool
    has_body: bool
    body_length: int
    def __init__(self, status: _Optional[int] = ..., status_text: _Optional[str] = ..., headers: _Optional[_Iterable[bytes]] = ..., url: _Optional[str] = ..., redirected: _Optional[bool] = ..., has_body: _Optional[bool] = ..., body_length: _Optional[int] = ...) -> None: ...

class BodyFailure(_message.Message):
    __slots__ = ("kind", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    def __init__(self, kind: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Reset(_message.Message):
    __slots__ = ("cancelled", "failure")
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    cancelled: bool
    failure: Failure
    def __init__(self, cancelled: _Optional[bool] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("kind", "message", "module", "qualname", "caller", "binding", "target")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    QUALNAME_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    module: str
    qualname: str
    caller: str
    binding: str
    target: str
    def __init__(self, kind: _Optional[str] = ..., message: _Optional[str] = ..., module: _Optional[str] = ..., qualname: _Optional[str] = ..., caller: _Optional[str] = ..., binding: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("reason", "message")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[Refused.Reason]
        DRAINING: _ClassVar[Refused.Reason]
        STALE: _ClassVar[Refused.Reason]
        FULL: _ClassVar[Refused.Reason]
        NOT_HERE: _ClassVar[Refused.Reason]
        DENIED: _ClassVar[Refused.Reason]
    REASON_UNSPECIFIED: Refused.Reason
    DRAINING: Refused.Reason
    STALE: Refused.Reason
    FULL: Refused.Reason
    NOT_HERE: Refused.Reason
    DENIED: Refused.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: Refused.Reason
    message: str
    def __init__(self, reason: _Optional[_Union[Refused.Reason, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Last(_message.Message):
    __slots__ = ("invocations", "in_flight", "queued", "loop_lag_us")
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    LOOP_LAG_US_FIELD_NUMBER: _ClassVar[int]
    invocations: int
    in_flight: int
    queued: int
    loop_lag_us: int
    def __init__(self, invocations: _Optional[int] = ..., in_flight: _Optional[int] = ..., queued: _Optional[int] = ..., loop_lag_us: _Optional[int] = ...) -> None: ...

class Goaway(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
