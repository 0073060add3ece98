"""Where bindings lead."""

from __future__ import annotations

import pytest

from mesh.config import (
    AgentSettings,
    BindingState,
    ServiceConfig,
    WorkerId,
    binding_state,
    resolve,
)

AUTH = 'services = [{ binding = "AUTH", service = "auth" }]'


@pytest.mark.parametrize(
    ("service", "environment", "workers", "target"),
    [
        ("auth", None, ["auth", "auth@staging"], "auth"),
        ("auth", "staging", ["auth", "auth@staging"], "auth@staging"),
        ("auth-staging", None, ["auth", "auth@staging"], "auth@staging"),
        ("auth-staging", None, ["auth@staging", "auth-staging"], "auth-staging"),
        ("auth", "staging", ["auth-staging"], "auth-staging"),
        ("auth", None, ["auth@staging"], None),
        ("auth", "dev", ["auth", "auth@staging"], None),
        ("auth", None, [], None),
    ],
)
def test_resolve(service, environment, workers, target):
    """Exact name and environment first, then Cloudflare's full name; never another environment."""
    config = ServiceConfig(binding="AUTH", service=service, environment=environment)
    found = resolve(config, map(WorkerId.parse, workers))
    assert found == (None if target is None else WorkerId.parse(target))


def test_target_that_is_here_is_connected(files):
    """A binding to a worker of the same group works, in a cycle too."""
    files.worker("gateway", AUTH)
    files.worker("auth", 'services = [{ binding = "BACK", service = "gateway" }]')
    loaded = files.load()
    states = {
        binding_state(worker, service, loaded.config)
        for worker in loaded.config.workers
        for service in worker.services
    }
    assert states == {BindingState.CONNECTED}
    assert loaded.warnings == ()


def test_target_that_is_not_here_is_a_warning(files):
    """It may come later, so the mesh starts; the warning names caller, binding and target."""
    files.worker("gateway", AUTH.replace('"auth"', '"auth", environment = "staging"'))
    assert files.warning() == (
        "gateway/wrangler.toml: services: binding `AUTH` of `gateway` leads to `auth@staging`, "
        "which is not here; it may come later; until then a call raises ServiceUnavailable"
    )


def test_target_in_another_group_is_no_problem(files):
    """Calls between groups go over a link."""
    files.worker("gateway", AUTH)
    files.worker("auth")
    files.write("mesh.toml", "groups.x.workers = ['auth']")
    loaded = files.load()
    (gateway,) = (worker for worker in loaded.config.workers if worker.services)
    state = binding_state(gateway, gateway.services[0], loaded.config)
    assert state == BindingState.OTHER_GROUP
    assert loaded.warnings == ()


def test_target_that_may_be_on_another_host_is_no_problem(files):
    """With a control plane elsewhere, an agent cannot know what others run."""
    files.worker("gateway", AUTH)
    assert files.load(agent=AgentSettings(control="unix:/x")).warnings == ()
