from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BindingSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BINDING_SOURCE_UNSPECIFIED: _ClassVar[BindingSource]
    DECLARED: _ClassVar[BindingSource]
    SET: _ClassVar[BindingSource]
    REMOVED: _ClassVar[BindingSource]
BINDING_SOURCE_UNSPECIFIED: BindingSource
DECLARED: BindingSource
SET: BindingSource
REMOVED: BindingSource

class FromAgent(_message.Message):
    __slots__ = ("join", "ack", "cells", "heartbeat", "leave")
    JOIN_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    join: Join
    ack: Ack
    cells: Cells
    heartbeat: Heartbeat
    leave: Leave
    def __init__(self, join: _Optional[_Union[Join, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., cells: _Optional[_Union[Cells, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., leave: _Optional[_Union[Leave, _Mapping]] = ...) -> None: ...

class FromControl(_message.Message):
    __slots__ = ("welcome", "refusal", "update", "heartbeat", "cells_known")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CELLS_KNOWN_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    refusal: Refusal
    update: Update
    heartbeat: Heartbeat
    cells_known: CellsKnown
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., update: _Optional[_Union[Update, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., cells_known: _Optional[_Union[CellsKnown, _Mapping]] = ...) -> None: ...

class Join(_message.Message):
    __slots__ = ("protocol", "mesh", "agent_id", "agent", "software", "workers", "position")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    MESH_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    mesh: str
    agent_id: str
    agent: str
    software: str
    workers: _containers.RepeatedCompositeFieldContainer[WorkerManifest]
    position: Position
    def __init__(self, protocol: _Optional[int] = ..., mesh: _Optional[str] = ..., agent_id: _Optional[str] = ..., agent: _Optional[str] = ..., software: _Optional[str] = ..., workers: _Optional[_Iterable[_Union[WorkerManifest, _Mapping]]] = ..., position: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class WorkerManifest(_message.Message):
    __slots__ = ("worker", "digest", "group", "bindings", "names", "routes", "edge")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    worker: str
    digest: str
    group: str
    bindings: _containers.RepeatedCompositeFieldContainer[DeclaredBinding]
    names: _containers.RepeatedScalarFieldContainer[str]
    routes: _containers.RepeatedScalarFieldContainer[str]
    edge: bool
    def __init__(self, worker: _Optional[str] = ..., digest: _Optional[str] = ..., group: _Optional[str] = ..., bindings: _Optional[_Iterable[_Union[DeclaredBinding, _Mapping]]] = ..., names: _Optional[_Iterable[str]] = ..., routes: _Optional[_Iterable[str]] = ..., edge: _Optional[bool] = ...) -> None: ...

class DeclaredBinding(_message.Message):
    __slots__ = ("name", "target")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    name: str
    target: Target
    def __init__(self, name: _Optional[str] = ..., target: _Optional[_Union[Target, _Mapping]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("service", "environment", "entrypoint", "props_json")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_FIELD_NUMBER: _ClassVar[int]
    PROPS_JSON_FIELD_NUMBER: _ClassVar[int]
    service: str
    environment: str
    entrypoint: str
    props_json: bytes
    def __init__(self, service: _Optional[str] = ..., environment: _Optional[str] = ..., entrypoint: _Optional[str] = ..., props_json: _Optional[bytes] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("epoch", "revision")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    revision: int
    def __init__(self, epoch: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("mesh", "heartbeat_seconds", "lease_seconds")
    MESH_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    mesh: str
    heartbeat_seconds: float
    lease_seconds: float
    def __init__(self, mesh: _Optional[str] = ..., heartbeat_seconds: _Optional[float] = ..., lease_seconds: _Optional[float] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reasons", "is_transient")
    REASONS_FIELD_NUMBER: _ClassVar[int]
    IS_TRANSIENT_FIELD_NUMBER: _ClassVar[int]
    reasons: _containers.RepeatedCompositeFieldContainer[RefusalReason]
    is_transient: bool
    def __init__(self, reasons: _Optional[_Iterable[_Union[RefusalReason, _Mapping]]] = ..., is_transient: _Optional[bool] = ...) -> None: ...

class RefusalReason(_message.Message):
    __slots__ = ("where", "reason", "fix")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIX_FIELD_NUMBER: _ClassVar[int]
    where: str
    reason: str
    fix: str
    def __init__(self, where: _Optional[str] = ..., reason: _Optional[str] = ..., fix: _Optional[str] = ...) -> None: ...

class Update(_message.Message):
    __slots__ = ("position", "is_snapshot", "resources", "removed")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    IS_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    position: Position
    is_snapshot: bool
    resources: _containers.RepeatedCompositeFieldContainer[Resource]
    removed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ..., is_snapshot: _Optional[bool] = ..., resources: _Optional[_Iterable[_Union[Resource, _Mapping]]] = ..., removed: _Optional[_Iterable[str]] = ...) -> None: ...

class Resource(_message.Message):
    __slots__ = ("key", "binding", "grant", "endpoint", "vars")
    KEY_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    VARS_FIELD_NUMBER: _ClassVar[int]
    key: str
    binding: Binding
    grant: Grant
    endpoint: Endpoint
    vars: WorkerVars
    def __init__(self, key: _Optional[str] = ..., binding: _Optional[_Union[Binding, _Mapping]] = ..., grant: _Optional[_Union[Grant, _Mapping]] = ..., endpoint: _Optional[_Union[Endpoint, _Mapping]] = ..., vars: _Optional[_Union[WorkerVars, _Mapping]] = ...) -> None: ...

class Binding(_message.Message):
    __slots__ = ("caller", "name", "id", "target", "worker", "source")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    caller: str
    name: str
    id: str
    target: Target
    worker: str
    source: BindingSource
    def __init__(self, caller: _Optional[str] = ..., name: _Optional[str] = ..., id: _Optional[str] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., worker: _Optional[str] = ..., source: _Optional[_Union[BindingSource, str]] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("id", "caller", "worker", "entrypoint", "props_json")
    ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_FIELD_NUMBER: _ClassVar[int]
    PROPS_JSON_FIELD_NUMBER: _ClassVar[int]
    id: str
    caller: str
    worker: str
    entrypoint: str
    props_json: bytes
    def __init__(self, id: _Optional[str] = ..., caller: _Optional[str] = ..., worker: _Optional[str] = ..., entrypoint: _Optional[str] = ..., props_json: _Optional[bytes] = ...) -> None: ...

class Endpoint(_message.Message):
    __slots__ = ("id", "agent", "cell", "address", "workers", "is_stale")
    ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    IS_STALE_FIELD_NUMBER: _ClassVar[int]
    id: str
    agent: str
    cell: str
    address: str
    workers: _containers.RepeatedScalarFieldContainer[str]
    is_stale: bool
    def __init__(self, id: _Optional[str] = ..., agent: _Optional[str] = ..., cell: _Optional[str] = ..., address: _Optional[str] = ..., workers: _Optional[_Iterable[str]] = ..., is_stale: _Optional[bool] = ...) -> None: ...

class WorkerVars(_message.Message):
    __slots__ = ("worker", "vars_json")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    VARS_JSON_FIELD_NUMBER: _ClassVar[int]
    worker: str
    vars_json: bytes
    def __init__(self, worker: _Optional[str] = ..., vars_json: _Optional[bytes] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: Position
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class Cells(_message.Message):
    __slots__ = ("endpoints", "number")
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    endpoints: _containers.RepeatedCompositeFieldContainer[Endpoint]
    number: int
    def __init__(self, endpoints: _Optional[_Iterable[_Union[Endpoint, _Mapping]]] = ..., number: _Optional[int] = ...) -> None: ...

class CellsKnown(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Leave(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SavedSnapshot(_message.Message):
    __slots__ = ("mesh", "snapshot")
    MESH_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    mesh: str
    snapshot: Update
    def __init__(self, mesh: _Optional[str] = ..., snapshot: _Optional[_Union[Update, _Mapping]] = ...) -> None: ...
