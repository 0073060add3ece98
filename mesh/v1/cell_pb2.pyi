from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToCell(_message.Message):
    __slots__ = ("start", "serve", "drain")
    START_FIELD_NUMBER: _ClassVar[int]
    SERVE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    start: Start
    serve: Serve
    drain: Drain
    def __init__(self, start: _Optional[_Union[Start, _Mapping]] = ..., serve: _Optional[_Union[Serve, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ...) -> None: ...

class FromCell(_message.Message):
    __slots__ = ("loaded", "failed", "serving")
    LOADED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    loaded: Loaded
    failed: Failed
    serving: Serving
    def __init__(self, loaded: _Optional[_Union[Loaded, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., serving: _Optional[_Union[Serving, _Mapping]] = ...) -> None: ...

class Start(_message.Message):
    __slots__ = ("cell", "workers", "limits", "edge")
    CELL_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    cell: str
    workers: _containers.RepeatedCompositeFieldContainer[Worker]
    limits: Limits
    edge: Edge
    def __init__(self, cell: _Optional[str] = ..., workers: _Optional[_Iterable[_Union[Worker, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., edge: _Optional[_Union[Edge, _Mapping]] = ...) -> None: ...

class Worker(_message.Message):
    __slots__ = ("id", "main", "source", "vars_json", "secrets", "bindings")
    class SecretsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    MAIN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VARS_JSON_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    id: str
    main: str
    source: str
    vars_json: bytes
    secrets: _containers.ScalarMap[str, str]
    bindings: _containers.RepeatedCompositeFieldContainer[Binding]
    def __init__(self, id: _Optional[str] = ..., main: _Optional[str] = ..., source: _Optional[str] = ..., vars_json: _Optional[bytes] = ..., secrets: _Optional[_Mapping[str, str]] = ..., bindings: _Optional[_Iterable[_Union[Binding, _Mapping]]] = ...) -> None: ...

class Binding(_message.Message):
    __slots__ = ("name", "service", "target", "entrypoint", "props_json", "obstacle")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_FIELD_NUMBER: _ClassVar[int]
    PROPS_JSON_FIELD_NUMBER: _ClassVar[int]
    OBSTACLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    service: str
    target: str
    entrypoint: str
    props_json: bytes
    obstacle: str
    def __init__(self, name: _Optional[str] = ..., service: _Optional[str] = ..., target: _Optional[str] = ..., entrypoint: _Optional[str] = ..., props_json: _Optional[bytes] = ..., obstacle: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("body_bytes", "invocations", "drain_seconds", "wait_until_seconds")
    BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_SECONDS_FIELD_NUMBER: _ClassVar[int]
    WAIT_UNTIL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    body_bytes: int
    invocations: int
    drain_seconds: float
    wait_until_seconds: float
    def __init__(self, body_bytes: _Optional[int] = ..., invocations: _Optional[int] = ..., drain_seconds: _Optional[float] = ..., wait_until_seconds: _Optional[float] = ...) -> None: ...

class Edge(_message.Message):
    __slots__ = ("descriptor", "routes")
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    descriptor: int
    routes: _containers.RepeatedCompositeFieldContainer[Route]
    def __init__(self, descriptor: _Optional[int] = ..., routes: _Optional[_Iterable[_Union[Route, _Mapping]]] = ...) -> None: ...

class Route(_message.Message):
    __slots__ = ("pattern", "worker")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    worker: str
    def __init__(self, pattern: _Optional[str] = ..., worker: _Optional[str] = ...) -> None: ...

class Serve(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Drain(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Loaded(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Failed(_message.Message):
    __slots__ = ("problems",)
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class Serving(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Problem(_message.Message):
    __slots__ = ("where", "reason", "fix")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIX_FIELD_NUMBER: _ClassVar[int]
    where: str
    reason: str
    fix: str
    def __init__(self, where: _Optional[str] = ..., reason: _Optional[str] = ..., fix: _Optional[str] = ...) -> None: ...
