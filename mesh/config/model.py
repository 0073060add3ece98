"""What a configuration amounts to: frozen values that the agent runs from.

Their defaults are the only ones there are. Nothing here reads a file or checks a rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mesh.config.worker_id import WorkerId


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """A service binding that a worker declares: the capability to call another worker."""

    binding: str
    """The name in the caller's `env`; a Python identifier, unique among its vars and secrets."""

    service: str
    """The called worker's name, or Cloudflare's full name of it with the environment."""

    environment: str | None = None
    """The called worker's environment; `None` is the worker without one."""

    entrypoint: str | None = None
    """The class of the called worker that answers; `None` is its default entrypoint."""

    props: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    """What the callee reads as `ctx.props`, JSON values; empty when not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
    """An address of the public edge at which a worker answers."""

    pattern: str
    """Cloudflare's route pattern (`shop.example.com/api/*`), or a host for a custom domain."""

    custom_domain: bool = False
    """True: the pattern is a whole host. False, Cloudflare's default: host, path and wildcards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """One worker in one environment, with everything inherited and merged."""

    id: WorkerId
    """The name, and the environment if there is one; unique in the mesh."""

    directory: Path
    """The absolute directory of `source`; where the worker's files are."""

    main: Path
    """The absolute path of the Python file that holds its handler or entrypoints."""

    source: Path
    """The absolute path of the file that declared it: the wrangler file or the script itself."""

    compatibility_date: str | None = None
    """`YYYY-MM-DD`; `None` when not given, which means the newest behaviour."""

    compatibility_flags: tuple[str, ...] = ()
    """Cloudflare's flags as written; none by default."""

    vars: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    """Plain values of `env`, JSON values, without those that a secret overrides."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secret values of `env`, from `.dev.vars`; never shown, so not part of the repr."""

    services: tuple[ServiceConfig, ...] = ()
    """The bindings it declares; without one a worker can call no other."""

    routes: tuple[RouteConfig, ...] = ()
    """Its public addresses; any route makes it an edge worker."""

    workers_dev: bool = False
    """True: an edge worker even without routes. False by default, so that a worker is private."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConfig:
    """Workers that trust each other and share a process."""

    name: str
    """`default` holds every worker that no other group names."""

    workers: tuple[WorkerId, ...]
    """At least one, in the order of the mesh's workers; each is in one group only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """The public listener and the workers behind it."""

    host: str = "127.0.0.1"
    """Name or address to listen on, IPv6 without brackets; by default this machine alone, so that
    nothing is public before someone says so."""

    port: int = 8787
    """TCP port; `0` lets the system choose. 8787 is what `wrangler dev` uses."""

    workers: tuple[WorkerId, ...] = ()
    """All in one group, in the order of the mesh's workers; empty: no public listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """Bounds that hold for every worker of the mesh."""

    body_bytes: int = 100 * 1024 * 1024
    """The largest request body; Cloudflare's limit on its smaller plans."""

    invocations: int = 32
    """Worker invocations per top-level request, the first included; Cloudflare's limit, and what
    ends a cycle of bindings."""

    drain_seconds: float = 30.0
    """How long a stopping process finishes what it has begun; Kubernetes kills a pod after 30 s
    by default, and Cloudflare gives as much on a runtime update."""

    wait_until_seconds: float = 30.0
    """How long `waitUntil` work may go on after the response, in total; Cloudflare's limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerConfig:
    """Where the cells of other hosts reach the cells of this one."""

    host: str
    """Name or address to listen on, IPv6 without brackets."""

    first_port: int
    """Each cell takes the first port of the range that is free."""

    last_port: int
    """The last port of the range, inclusive."""

    advertise: str
    """What other hosts dial: the host above, unless that is every address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """This host's place in the mesh."""

    name: str = "localhost"
    """Unique in the mesh; the host's name by default."""

    control: str | None = None
    """`HOST:PORT` or `unix:PATH` of the control plane; `None`: one inside the agent, for this host
    alone."""

    peers: PeerConfig | None = None
    """`None`: other hosts cannot call the workers of this one."""

    insecure: bool = False
    """True: plaintext between hosts is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshConfig:
    """Everything that this host is to run."""

    workers: tuple[WorkerConfig, ...]
    """At least one, in the order of the arguments, those of a directory sorted by its entries."""

    groups: tuple[GroupConfig, ...]
    """In the order of mesh.toml, `default` last unless it is written there."""

    edge: EdgeConfig
    """The public side."""

    limits: LimitsConfig
    """Bounds on every worker."""

    agent: AgentConfig
    """This host's place in the mesh."""

    state_dir: Path
    """Absolute; the user's state directory by default, so that it outlives a reboot."""

    def group_of(self, worker: WorkerId) -> GroupConfig:
        """The group that holds `worker`; a KeyError if it is not of this mesh."""
        for group in self.groups:
            if worker in group.workers:
                return group
        raise KeyError(str(worker))
