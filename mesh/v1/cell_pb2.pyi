from mesh.v1 import control_pb2 as _control_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToCell(_message.Message):
    __slots__ = ("start", "serve", "drain", "view", "close")
    START_FIELD_NUMBER: _ClassVar[int]
    SERVE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    start: Start
    serve: Serve
    drain: Drain
    view: View
    close: Close
    def __init__(self, start: _Optional[_Union[Start, _Mapping]] = ..., serve: _Optional[_Union[Serve, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., view: _Optional[_Union[View, _Mapping]] = ..., close: _Optional[_Union[Close, _Mapping]] = ...) -> None: ...

class FromCell(_message.Message):
    __slots__ = ("loaded", "failed", "serving", "view_applied", "drained")
    LOADED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    VIEW_APPLIED_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    loaded: Loaded
    failed: Failed
    serving: Serving
    view_applied: ViewApplied
    drained: Drained
    def __init__(self, loaded: _Optional[_Union[Loaded, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., serving: _Optional[_Union[Serving, _Mapping]] = ..., view_applied: _Optional[_Union[ViewApplied, _Mapping]] = ..., drained: _Optional[_Union[Drained, _Mapping]] = ...) -> None: ...

class Start(_message.Message):
    __slots__ = ("cell", "workers", "limits", "edge", "view", "peers", "agent", "is_alone")
    CELL_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    IS_ALONE_FIELD_NUMBER: _ClassVar[int]
    cell: str
    workers: _containers.RepeatedCompositeFieldContainer[Worker]
    limits: Limits
    edge: Edge
    view: View
    peers: PeerListener
    agent: str
    is_alone: bool
    def __init__(self, cell: _Optional[str] = ..., workers: _Optional[_Iterable[_Union[Worker, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., edge: _Optional[_Union[Edge, _Mapping]] = ..., view: _Optional[_Union[View, _Mapping]] = ..., peers: _Optional[_Union[PeerListener, _Mapping]] = ..., agent: _Optional[str] = ..., is_alone: _Optional[bool] = ...) -> None: ...

class View(_message.Message):
    __slots__ = ("revision", "bindings", "grants", "endpoints", "vars", "sequence")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    VARS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    revision: int
    bindings: _containers.RepeatedCompositeFieldContainer[_control_pb2.Binding]
    grants: _containers.RepeatedCompositeFieldContainer[_control_pb2.Grant]
    endpoints: _containers.RepeatedCompositeFieldContainer[_control_pb2.Endpoint]
    vars: _containers.RepeatedCompositeFieldContainer[_control_pb2.WorkerVars]
    sequence: int
    def __init__(self, revision: _Optional[int] = ..., bindings: _Optional[_Iterable[_Union[_control_pb2.Binding, _Mapping]]] = ..., grants: _Optional[_Iterable[_Union[_control_pb2.Grant, _Mapping]]] = ..., endpoints: _Optional[_Iterable[_Union[_control_pb2.Endpoint, _Mapping]]] = ..., vars: _Optional[_Iterable[_Union[_control_pb2.WorkerVars, _Mapping]]] = ..., sequence: _Optional[int] = ...) -> None: ...

class PeerListener(_message.Message):
    __slots__ = ("unix_path", "host", "first_port", "last_port")
    UNIX_PATH_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    FIRST_PORT_FIELD_NUMBER: _ClassVar[int]
    LAST_PORT_FIELD_NUMBER: _ClassVar[int]
    unix_path: str
    host: str
    first_port: int
    last_port: int
    def __init__(self, unix_path: _Optional[str] = ..., host: _Optional[str] = ..., first_port: _Optional[int] = ..., last_port: _Optional[int] = ...) -> None: ...

class Worker(_message.Message):
    __slots__ = ("id", "main", "source", "vars_json", "secrets", "declared_bindings")
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
    DECLARED_BINDINGS_FIELD_NUMBER: _ClassVar[int]
    id: str
    main: str
    source: str
    vars_json: bytes
    secrets: _containers.ScalarMap[str, str]
    declared_bindings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., main: _Optional[str] = ..., source: _Optional[str] = ..., vars_json: _Optional[bytes] = ..., secrets: _Optional[_Mapping[str, str]] = ..., declared_bindings: _Optional[_Iterable[str]] = ...) -> None: ...

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

class Close(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Loaded(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Drained(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ViewApplied(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("problems",)
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class Serving(_message.Message):
    __slots__ = ("peer_port",)
    PEER_PORT_FIELD_NUMBER: _ClassVar[int]
    peer_port: int
    def __init__(self, peer_port: _Optional[int] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("where", "reason", "fix")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIX_FIELD_NUMBER: _ClassVar[int]
    where: str
    reason: str
    fix: str
    def __init__(self, where: _Optional[str] = ..., reason: _Optional[str] = ..., fix: _Optional[str] = ...) -> None: ...
