from mesh.v1 import control_pb2 as _control_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MeshStatus(_message.Message):
    __slots__ = ("mesh", "position", "software", "agents_connected", "agents_lost", "workers", "bindings", "warnings")
    MESH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    AGENTS_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    AGENTS_LOST_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    mesh: str
    position: _control_pb2.Position
    software: str
    agents_connected: int
    agents_lost: int
    workers: int
    bindings: int
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, mesh: _Optional[str] = ..., position: _Optional[_Union[_control_pb2.Position, _Mapping]] = ..., software: _Optional[str] = ..., agents_connected: _Optional[int] = ..., agents_lost: _Optional[int] = ..., workers: _Optional[int] = ..., bindings: _Optional[int] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class ListAgentsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAgentsResponse(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[AgentStatus]
    def __init__(self, agents: _Optional[_Iterable[_Union[AgentStatus, _Mapping]]] = ...) -> None: ...

class AgentStatus(_message.Message):
    __slots__ = ("agent", "is_connected", "silent_seconds", "revision", "workers", "endpoints", "software", "has_left")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    IS_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    SILENT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    HAS_LEFT_FIELD_NUMBER: _ClassVar[int]
    agent: str
    is_connected: bool
    silent_seconds: float
    revision: int
    workers: _containers.RepeatedScalarFieldContainer[str]
    endpoints: _containers.RepeatedCompositeFieldContainer[_control_pb2.Endpoint]
    software: str
    has_left: bool
    def __init__(self, agent: _Optional[str] = ..., is_connected: _Optional[bool] = ..., silent_seconds: _Optional[float] = ..., revision: _Optional[int] = ..., workers: _Optional[_Iterable[str]] = ..., endpoints: _Optional[_Iterable[_Union[_control_pb2.Endpoint, _Mapping]]] = ..., software: _Optional[str] = ..., has_left: _Optional[bool] = ...) -> None: ...

class ListWorkersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWorkersResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[WorkerStatus]
    def __init__(self, workers: _Optional[_Iterable[_Union[WorkerStatus, _Mapping]]] = ...) -> None: ...

class WorkerStatus(_message.Message):
    __slots__ = ("worker", "agents", "digests", "is_edge", "routes")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    IS_EDGE_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    worker: str
    agents: _containers.RepeatedScalarFieldContainer[str]
    digests: _containers.RepeatedScalarFieldContainer[str]
    is_edge: bool
    routes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, worker: _Optional[str] = ..., agents: _Optional[_Iterable[str]] = ..., digests: _Optional[_Iterable[str]] = ..., is_edge: _Optional[bool] = ..., routes: _Optional[_Iterable[str]] = ...) -> None: ...

class ListBindingsRequest(_message.Message):
    __slots__ = ("caller", "to")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    caller: str
    to: str
    def __init__(self, caller: _Optional[str] = ..., to: _Optional[str] = ...) -> None: ...

class ListBindingsResponse(_message.Message):
    __slots__ = ("bindings", "warnings")
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[BindingStatus]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, bindings: _Optional[_Iterable[_Union[BindingStatus, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class BindingStatus(_message.Message):
    __slots__ = ("binding", "version", "is_available", "hidden")
    BINDING_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    IS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    binding: _control_pb2.Binding
    version: int
    is_available: bool
    hidden: _control_pb2.Target
    def __init__(self, binding: _Optional[_Union[_control_pb2.Binding, _Mapping]] = ..., version: _Optional[int] = ..., is_available: _Optional[bool] = ..., hidden: _Optional[_Union[_control_pb2.Target, _Mapping]] = ...) -> None: ...

class WriteOptions(_message.Message):
    __slots__ = ("if_version", "wait_seconds")
    IF_VERSION_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    if_version: int
    wait_seconds: float
    def __init__(self, if_version: _Optional[int] = ..., wait_seconds: _Optional[float] = ...) -> None: ...

class SetBindingRequest(_message.Message):
    __slots__ = ("caller", "name", "target", "options")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    caller: str
    name: str
    target: _control_pb2.Target
    options: WriteOptions
    def __init__(self, caller: _Optional[str] = ..., name: _Optional[str] = ..., target: _Optional[_Union[_control_pb2.Target, _Mapping]] = ..., options: _Optional[_Union[WriteOptions, _Mapping]] = ...) -> None: ...

class RemoveBindingRequest(_message.Message):
    __slots__ = ("caller", "name", "options")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    caller: str
    name: str
    options: WriteOptions
    def __init__(self, caller: _Optional[str] = ..., name: _Optional[str] = ..., options: _Optional[_Union[WriteOptions, _Mapping]] = ...) -> None: ...

class ResetBindingRequest(_message.Message):
    __slots__ = ("caller", "name", "options")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    caller: str
    name: str
    options: WriteOptions
    def __init__(self, caller: _Optional[str] = ..., name: _Optional[str] = ..., options: _Optional[_Union[WriteOptions, _Mapping]] = ...) -> None: ...

class BindingChange(_message.Message):
    __slots__ = ("binding", "position", "not_confirmed", "warnings")
    BINDING_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NOT_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    binding: BindingStatus
    position: _control_pb2.Position
    not_confirmed: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, binding: _Optional[_Union[BindingStatus, _Mapping]] = ..., position: _Optional[_Union[_control_pb2.Position, _Mapping]] = ..., not_confirmed: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class ListVarsRequest(_message.Message):
    __slots__ = ("worker",)
    WORKER_FIELD_NUMBER: _ClassVar[int]
    worker: str
    def __init__(self, worker: _Optional[str] = ...) -> None: ...

class ListVarsResponse(_message.Message):
    __slots__ = ("vars",)
    VARS_FIELD_NUMBER: _ClassVar[int]
    vars: _containers.RepeatedCompositeFieldContainer[VarStatus]
    def __init__(self, vars: _Optional[_Iterable[_Union[VarStatus, _Mapping]]] = ...) -> None: ...

class VarStatus(_message.Message):
    __slots__ = ("worker", "name", "value_json", "version")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    worker: str
    name: str
    value_json: bytes
    version: int
    def __init__(self, worker: _Optional[str] = ..., name: _Optional[str] = ..., value_json: _Optional[bytes] = ..., version: _Optional[int] = ...) -> None: ...

class SetVarRequest(_message.Message):
    __slots__ = ("worker", "name", "value_json", "options")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    worker: str
    name: str
    value_json: bytes
    options: WriteOptions
    def __init__(self, worker: _Optional[str] = ..., name: _Optional[str] = ..., value_json: _Optional[bytes] = ..., options: _Optional[_Union[WriteOptions, _Mapping]] = ...) -> None: ...

class DeleteVarRequest(_message.Message):
    __slots__ = ("worker", "name", "options")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    worker: str
    name: str
    options: WriteOptions
    def __init__(self, worker: _Optional[str] = ..., name: _Optional[str] = ..., options: _Optional[_Union[WriteOptions, _Mapping]] = ...) -> None: ...

class VarChange(_message.Message):
    __slots__ = ("var", "position", "not_confirmed", "warnings")
    VAR_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NOT_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    var: VarStatus
    position: _control_pb2.Position
    not_confirmed: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, var: _Optional[_Union[VarStatus, _Mapping]] = ..., position: _Optional[_Union[_control_pb2.Position, _Mapping]] = ..., not_confirmed: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class ApplyRequest(_message.Message):
    __slots__ = ("workers", "dry_run", "options")
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[WorkerSettings]
    dry_run: bool
    options: WriteOptions
    def __init__(self, workers: _Optional[_Iterable[_Union[WorkerSettings, _Mapping]]] = ..., dry_run: _Optional[bool] = ..., options: _Optional[_Union[WriteOptions, _Mapping]] = ...) -> None: ...

class WorkerSettings(_message.Message):
    __slots__ = ("worker", "bindings", "removed_bindings", "vars_json")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_BINDINGS_FIELD_NUMBER: _ClassVar[int]
    VARS_JSON_FIELD_NUMBER: _ClassVar[int]
    worker: str
    bindings: _containers.RepeatedCompositeFieldContainer[_control_pb2.DeclaredBinding]
    removed_bindings: _containers.RepeatedScalarFieldContainer[str]
    vars_json: bytes
    def __init__(self, worker: _Optional[str] = ..., bindings: _Optional[_Iterable[_Union[_control_pb2.DeclaredBinding, _Mapping]]] = ..., removed_bindings: _Optional[_Iterable[str]] = ..., vars_json: _Optional[bytes] = ...) -> None: ...

class ApplyResponse(_message.Message):
    __slots__ = ("changes", "position", "not_confirmed")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NOT_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    position: _control_pb2.Position
    not_confirmed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., position: _Optional[_Union[_control_pb2.Position, _Mapping]] = ..., not_confirmed: _Optional[_Iterable[str]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("worker", "kind", "name", "before", "after")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    worker: str
    kind: str
    name: str
    before: str
    after: str
    def __init__(self, worker: _Optional[str] = ..., kind: _Optional[str] = ..., name: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...
