"""What the control plane keeps for good: immutable values, replaced as a whole.

Not what it merely observes (sessions, silence, acknowledgements): see `presence`. The messages of
protobuf in here are never changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh.v1.control_pb2 import Endpoint, Target, WorkerManifest

BindingKey = tuple[str, str]
"""Caller and name."""

VarKey = tuple[str, str]
"""Worker and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An agent and what it runs. It outlives the agent's session: see `lease`."""

    agent_id: str
    """The identity in the agent's state directory."""

    agent: str
    """Its name; unique."""

    software: str = ""
    """The version of its software, for people."""

    workers: tuple[WorkerManifest, ...] = ()
    """What it runs."""

    endpoints: tuple[Endpoint, ...] = ()
    """Its cells as last known, without is_stale; kept so that no restart empties the mesh."""

    has_left: bool = False
    """It ended on purpose. What it may call stays granted, should it start again."""


@dataclass(frozen=True, slots=True)
class BindingSetting:
    """What somebody said of a binding, over what its caller declares."""

    target: Target | None
    """`None`: removed, which hides a declared binding."""

    version: int
    """The revision of the write."""


def is_same(one: BindingSetting | None, other: BindingSetting | None) -> bool:
    """Whether they say the same, whoever wrote it and when."""
    if one is None or other is None:
        return one is other
    return one.target == other.target


@dataclass(frozen=True, slots=True)
class Superseded:
    """What is still granted of a binding besides its setting, until all its callers know that."""

    settings: tuple[BindingSetting | None, ...]
    """At least one; `None`: what the callers declare. If callers are shown one, it is the first."""

    is_told: bool
    """Whether callers are shown the present setting, not the first of these."""


@dataclass(frozen=True, slots=True)
class VarSetting:
    """A value that somebody set."""

    value_json: bytes
    """A JSON value."""

    version: int
    """The revision of the write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """All of it at one revision."""

    mesh: str
    """The mesh's name, random, made with the store."""

    epoch: str
    """The history to which the revisions belong."""

    revision: int = 0
    """Rises with every change; also with those of what is observed, which agents see as well."""

    registrations: Mapping[str, Registration] = field(default_factory=dict)
    """By agent id."""

    bindings: Mapping[BindingKey, BindingSetting] = field(default_factory=dict)
    """What people set and removed."""

    superseded: Mapping[BindingKey, Superseded] = field(default_factory=dict)
    """Of the bindings on their way; see `rollout`."""

    vars: Mapping[VarKey, VarSetting] = field(default_factory=dict)
    """What people set."""

    def changed(self, **changes: Any) -> Stored:  # Any: whatever the fields take
        """The next revision, with other values for some fields."""
        return replace(self, revision=self.revision + 1, **changes)

    def with_registration(self, registration: Registration) -> Stored:
        """The next revision, with this one; the same object if that says nothing new."""
        if self.registrations.get(registration.agent_id) == registration:
            return self
        others = {**self.registrations, registration.agent_id: registration}
        return self.changed(registrations=others)

    def without_registrations(self, agent_ids: set[str]) -> Stored:
        """The next revision, without these agents; the same object if there are none."""
        left = {key: value for key, value in self.registrations.items() if key not in agent_ids}
        return self if len(left) == len(self.registrations) else self.changed(registrations=left)
