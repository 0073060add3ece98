"""Configuration: wrangler files and mesh.toml become frozen values, all problems at once.

`load_mesh` is the way in. It reads the files that it is led to and nothing else: variables and the
current directory are arguments. Nothing is started, and no network or worker code is touched.
"""

from mesh.config.agent_settings import AgentSettings
from mesh.config.bindings import BindingState, binding_state, resolve
from mesh.config.load import LoadedMesh, load_mesh
from mesh.config.model import (
    AgentConfig,
    EdgeConfig,
    GroupConfig,
    LimitsConfig,
    MeshConfig,
    PeerConfig,
    RouteConfig,
    ServiceConfig,
    WorkerConfig,
)
from mesh.config.overrides import Overrides
from mesh.config.worker_id import WorkerId

__all__ = [
    "load_mesh",
    "LoadedMesh",
    "Overrides",
    "MeshConfig",
    "WorkerConfig",
    "ServiceConfig",
    "RouteConfig",
    "GroupConfig",
    "EdgeConfig",
    "LimitsConfig",
    "AgentConfig",
    "PeerConfig",
    "AgentSettings",
    "WorkerId",
    "resolve",
    "binding_state",
    "BindingState",
]
