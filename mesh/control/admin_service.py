"""The service for people and their scripts: `proto/mesh/v1/admin.proto`.

It translates. What a write may do stands in `writes`; that it is durable, and who has confirmed it,
is the business of `plane`.
"""

# ruff: noqa: ARG002, N802 - names and arguments of rpcs
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpc import aio

from mesh.control import listings, writes
from mesh.control.answers import answered
from mesh.control.changes import changed_bindings, changed_vars, changes_between
from mesh.control.rejected import Rejected, Rejection
from mesh.v1 import admin_pb2 as admin
from mesh.v1.admin_pb2_grpc import AdminServicer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh.control.plane import Plane
    from mesh.control.stored import BindingKey, Stored, VarKey

Context = aio.ServicerContext[Any, Any]  # Any: every kind of message

_LATER: Final = "it takes effect when one does"
_CALLS_NOTHING: Final = "it calls nothing now"


class AdminService(AdminServicer):
    """Translates between requests and the plane."""

    def __init__(self, plane: Plane, clock: Callable[[], float], software: str) -> None:
        self._plane = plane
        self._clock = clock
        self._software = software

    @property
    def _stored(self) -> Stored:
        return self._plane.state.stored

    async def GetStatus(
        self, request: admin.GetStatusRequest, context: Context
    ) -> admin.MeshStatus:
        """See the proto."""
        async with answered(context, "GetStatus"):
            return listings.mesh_status(self._plane.state, self._software)

    async def ListAgents(
        self, request: admin.ListAgentsRequest, context: Context
    ) -> admin.ListAgentsResponse:
        """See the proto."""
        async with answered(context, "ListAgents"):
            agents = listings.list_agents(self._plane.state, self._clock())
            return admin.ListAgentsResponse(agents=agents)

    async def ListWorkers(
        self, request: admin.ListWorkersRequest, context: Context
    ) -> admin.ListWorkersResponse:
        """See the proto."""
        async with answered(context, "ListWorkers"):
            return admin.ListWorkersResponse(workers=listings.list_workers(self._plane.state))

    async def ListBindings(
        self, request: admin.ListBindingsRequest, context: Context
    ) -> admin.ListBindingsResponse:
        """See the proto."""
        async with answered(context, "ListBindings"):
            caller = self._meant(request.caller) if request.caller else ""
            found = listings.list_bindings(self._plane.state, caller, request.to)
            warnings = self._idle_warnings(caller, _CALLS_NOTHING) if caller else []
            return admin.ListBindingsResponse(bindings=found, warnings=warnings)

    async def SetBinding(
        self, request: admin.SetBindingRequest, context: Context
    ) -> admin.BindingChange:
        """See the proto."""
        async with answered(context, "SetBinding"):
            key = self._meant_binding(request.caller, request.name)
            version = request.options.if_version
            after = writes.set_binding(self._stored, key, request.target, version)
            return await self._change_binding(key, after, request.options)

    async def RemoveBinding(
        self, request: admin.RemoveBindingRequest, context: Context
    ) -> admin.BindingChange:
        """See the proto."""
        async with answered(context, "RemoveBinding"):
            key = self._meant_binding(request.caller, request.name)
            after = writes.remove_binding(self._stored, key, request.options.if_version)
            return await self._change_binding(key, after, request.options)

    async def ResetBinding(
        self, request: admin.ResetBindingRequest, context: Context
    ) -> admin.BindingChange:
        """See the proto."""
        async with answered(context, "ResetBinding"):
            key = self._meant_binding(request.caller, request.name)
            after = writes.reset_binding(self._stored, key, request.options.if_version)
            return await self._change_binding(key, after, request.options)

    async def ListVars(
        self, request: admin.ListVarsRequest, context: Context
    ) -> admin.ListVarsResponse:
        """See the proto."""
        async with answered(context, "ListVars"):
            worker = self._meant(request.worker) if request.worker else ""
            return admin.ListVarsResponse(vars=listings.list_vars(self._stored, worker))

    async def SetVar(self, request: admin.SetVarRequest, context: Context) -> admin.VarChange:
        """See the proto."""
        async with answered(context, "SetVar"):
            key = (self._meant(request.worker), request.name)
            version = request.options.if_version
            after = writes.set_var(self._stored, key, request.value_json, version)
            return await self._change_var(key, after, request.options)

    async def DeleteVar(self, request: admin.DeleteVarRequest, context: Context) -> admin.VarChange:
        """See the proto."""
        async with answered(context, "DeleteVar"):
            key = (self._meant(request.worker), request.name)
            after = writes.delete_var(self._stored, key, request.options.if_version)
            return await self._change_var(key, after, request.options)

    async def Apply(self, request: admin.ApplyRequest, context: Context) -> admin.ApplyResponse:
        """See the proto."""
        async with answered(context, "Apply"):
            if request.options.if_version:
                raise Rejected(Rejection.INVALID, "if_version: an Apply has no single version")
            before = self._stored
            after = writes.apply_settings(before, request.workers)
            changes = changes_between(before, after)
            if request.dry_run:
                return admin.ApplyResponse(changes=changes, position=listings.position(before))
            not_confirmed = await self._plane.write(
                after,
                _wait_seconds(request.options),
                keys=changed_bindings(before, after),
                workers={worker for worker, _ in changed_vars(before, after)},
            )
            return admin.ApplyResponse(
                changes=changes,
                position=listings.position(self._stored),
                not_confirmed=not_confirmed,
            )

    async def _change_binding(
        self, key: BindingKey, after: Stored, options: admin.WriteOptions
    ) -> admin.BindingChange:
        not_confirmed = await self._plane.write(after, _wait_seconds(options), keys=[key])
        statuses = listings.binding_statuses(self._plane.state, key)
        return admin.BindingChange(
            binding=statuses[0] if statuses else None,
            position=listings.position(self._stored),
            not_confirmed=not_confirmed,
            warnings=self._idle_warnings(key[0], _LATER),
        )

    async def _change_var(
        self, key: VarKey, after: Stored, options: admin.WriteOptions
    ) -> admin.VarChange:
        not_confirmed = await self._plane.write(after, _wait_seconds(options), workers=[key[0]])
        return admin.VarChange(
            var=listings.var_status(self._stored, key),
            position=listings.position(self._stored),
            not_confirmed=not_confirmed,
            warnings=self._idle_warnings(key[0], _LATER),
        )

    def _meant(self, worker: str) -> str:
        return self._plane.state.index.known.meant_by_name(worker)

    def _meant_binding(self, caller: str, name: str) -> BindingKey:
        return writes.meant_binding(self._stored, self._meant(caller), name)

    def _idle_warnings(self, worker: str, effect: str) -> list[str]:
        return listings.idle_warnings(self._plane.state, worker, effect)


def _wait_seconds(options: admin.WriteOptions) -> float:
    if not 0 <= options.wait_seconds < float("inf"):
        raise Rejected(Rejection.INVALID, "wait_seconds: give a number of seconds, not below 0")
    return options.wait_seconds
