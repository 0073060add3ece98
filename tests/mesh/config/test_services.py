"""Service bindings as a wrangler file declares them."""

from __future__ import annotations

import pytest

from mesh.config import ServiceConfig


def test_every_key_of_a_service(files):
    """All keys arrive; `remote` is Cloudflare's own and is ignored."""
    files.worker(
        "gateway",
        """
        [[services]]
        binding = "AUTH"
        service = "auth"

        [[services]]
        binding = "ADMIN"
        service = "auth"
        environment = "staging"
        entrypoint = "Admin"
        props = { scopes = ["read"], depth = 1 }
        remote = true
        """,
    )
    assert files.one("gateway").services == (
        ServiceConfig(binding="AUTH", service="auth"),
        ServiceConfig(
            binding="ADMIN",
            service="auth",
            environment="staging",
            entrypoint="Admin",
            props={"scopes": ["read"], "depth": 1},
        ),
    )


@pytest.mark.parametrize(
    ("service", "error"),
    [
        ('service = "a"', "services[0].binding: key `binding` is missing"),
        ('binding = "A"', "services[0].service: key `service` is missing"),
        ('binding = "A", service = ""', "services[0].service: expected a string that is not emp"),
        ('binding = "A-B", service = "a"', "`A-B` is not a Python identifier, and code reads it "),
        ('binding = "class", service = "a"', "`class` is not a Python identifier"),
        ('binding = "A", service = "a", props = 1', "services[0].props: expected a table, found"),
        ('binding = "A", service = "a", props = {d = 2026-01-31}', "services[0].props.d: expected"),
        ('binding = "A", service = "a", entrypoint = 1', "services[0].entrypoint: expected a str"),
        ('binding = "A", service = "a", entry_point = "E"', "did you mean `entrypoint`?"),
    ],
)
def test_wrong_service_is_an_error(files, service, error):
    """Binding and service are needed; a binding is a Python identifier, since code reads env.X."""
    files.worker("gateway", f"services = [{{ {service} }}]")
    assert error in files.error("gateway")


def test_two_bindings_of_one_name_are_an_error(files):
    """A binding's name is unique in its worker."""
    files.worker(
        "gateway",
        'services = [{ binding = "A", service = "a" }, { binding = "A", service = "b" }]',
    )
    error = "gateway/wrangler.toml: services[1].binding: there are two bindings `A`"
    assert files.error("gateway") == error


def test_same_binding_in_two_environments_is_fine(files):
    """Environments have bindings of their own."""
    service = 'services = [{ binding = "A", service = "a" }]'
    files.worker("gateway", f"{service}\n[env.staging]\n{service}")
    assert len(files.load("gateway", "gateway@staging").config.workers) == 2


def test_binding_named_like_a_var_or_a_secret_is_an_error(files):
    """Bindings, vars and secrets share `env`, so a binding cannot have the name of another."""
    files.worker(
        "gateway",
        """
        vars = { A = "1" }
        services = [{ binding = "A", service = "a" }, { binding = "B", service = "b" }]
        """,
    )
    files.write("gateway/.dev.vars", "B=hidden\n")
    assert files.errors("gateway") == [
        "gateway/wrangler.toml: services: binding `A` has the same name as a var",
        "gateway/wrangler.toml: services: binding `B` has the same name as a secret",
    ]
