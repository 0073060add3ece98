"""Environments of a worker: what they inherit, and how they are chosen."""

from __future__ import annotations

import pytest

from mesh.config import RouteConfig, WorkerId

TOP = """
compatibility_date = "2026-01-31"
compatibility_flags = ["a"]
routes = ["example.com/*"]
workers_dev = true
vars = { A = "top", B = "top" }
services = [{ binding = "LOG", service = "log" }]
"""


def test_environment_inherits_what_is_inheritable(files):
    """Main, compatibility, routes and workers_dev come from the top; services and vars do not."""
    files.worker("auth", f"{TOP}[env.staging]")
    worker = files.one("auth@staging")
    assert worker.id == WorkerId("auth", "staging")
    assert worker.main == files.root / "auth" / "entry.py"
    assert (worker.compatibility_date, worker.compatibility_flags) == ("2026-01-31", ("a",))
    assert worker.routes == (RouteConfig(pattern="example.com/*"),)
    assert worker.workers_dev
    assert (worker.vars, worker.services) == ({}, ())


def test_environment_overrides_what_it_names(files):
    """A key of the environment wins, also where it says nothing or no."""
    files.write("auth/staging.py")
    own = 'main = "staging.py"\nroutes = []\nworkers_dev = false\nvars = { A = "staging" }'
    files.worker("auth", f"{TOP}[env.staging]\n{own}\nservices = []")
    worker = files.one("auth@staging")
    assert worker.main.name == "staging.py"
    assert (worker.routes, worker.workers_dev, worker.vars) == ((), False, {"A": "staging"})
    assert files.warnings("auth@staging") == []


def test_route_of_an_environment_replaces_the_routes_of_the_top(files):
    """`route` and `routes` are the same thing for inheritance."""
    files.worker("auth", f'{TOP}[env.staging]\nroute = "staging.example.com/*"')
    assert files.one("auth@staging").routes == (RouteConfig(pattern="staging.example.com/*"),)


def test_keys_that_are_not_inherited_are_warned_of(files):
    """Services, vars and secrets at the top that the environment does not repeat are a warning."""
    files.worker("auth", f"{TOP}[env.staging]")
    assert files.warnings("auth@staging") == [
        f"auth/wrangler.toml: env.staging: `{key}` stands at the top of the file and is not "
        "inherited"
        for key in ("services", "vars")
    ]


def test_two_environments_side_by_side(files):
    """The plain worker and its environments are different workers."""
    files.worker("auth", "[env.staging]\n[env.dev]")
    assert files.names("auth", "auth@staging", "auth@dev") == ["auth", "auth@staging", "auth@dev"]


@pytest.mark.parametrize(
    ("environments", "there"),
    [
        ("", "there is none"),
        ("[env.dev]\n[env.staging]", "there are: `dev`, `staging`; did you mean `staging`?"),
    ],
)
def test_unknown_environment_is_an_error(files, environments, there):
    """An environment that the file does not have is an error that lists those that it has."""
    files.worker("auth", environments)
    error = f"auth/wrangler.toml: env: no environment `stagin`; {there}"
    assert files.error("auth@stagin") == error


@pytest.mark.parametrize(
    ("own", "worker"),
    [
        ("auth-staging", WorkerId("auth", "staging")),
        ("login-staging", WorkerId("login", "staging")),
        ("login", WorkerId("login")),
        ("staging", WorkerId("staging")),
    ],
)
def test_name_of_an_environment_is_its_full_name(files, own, worker):
    """An environment's own `name` is its whole name on Cloudflare, so it is here."""
    files.worker("auth", f'[env.staging]\nname = "{own}"')
    assert files.one("auth@staging").id == worker


def test_name_may_stand_in_the_environment_alone(files):
    """The top needs no name if the environment that runs has one."""
    files.write("auth/entry.py")
    files.write("auth/wrangler.toml", '[env.staging]\nname = "auth-staging"\nmain = "entry.py"')
    assert files.names("auth@staging") == ["auth@staging"]


def test_every_environment_is_checked(files):
    """A wrong key is an error also in an environment that does not run."""
    files.worker("auth", "[env.staging]\nworker_dev = true")
    assert files.error("auth") == (
        "auth/wrangler.toml: env.staging.worker_dev: unknown key `worker_dev`; "
        "did you mean `workers_dev`?"
    )


def test_environment_has_no_environments(files):
    """`env` inside an environment is an unknown key."""
    files.worker("auth", "[env.staging.env.dev]")
    assert "env.staging.env: unknown key `env`" in files.error("auth")
