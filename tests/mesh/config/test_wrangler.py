"""One worker's wrangler file: its keys, their types and their rules."""

from __future__ import annotations

import pytest

from mesh.config import RouteConfig, WorkerId

FULL = """
name = "auth"
main = "src/entry.py"
compatibility_date = "2026-01-31"
compatibility_flags = ["python_workers"]
workers_dev = true
routes = [
    "example.com/*",
    { pattern = "shop.example.com", custom_domain = true, zone_name = "example.com" },
]

[vars]
ISSUER = "mesh"
LIMITS = { depth = 3, names = ["a", 1.5, true] }
"""


def test_every_key_of_a_worker(files):
    """Each key that the mesh knows arrives in the value, with absolute paths."""
    files.write("auth/src/entry.py")
    source = files.write("auth/wrangler.toml", FULL)
    worker = files.one("auth")
    assert worker.id == WorkerId("auth")
    assert (worker.directory, worker.source) == (source.parent, source)
    assert worker.main == source.parent / "src" / "entry.py"
    assert worker.compatibility_date == "2026-01-31"
    assert worker.compatibility_flags == ("python_workers",)
    assert worker.workers_dev
    assert worker.routes == (
        RouteConfig(pattern="example.com/*"),
        RouteConfig(pattern="shop.example.com", custom_domain=True),
    )
    assert worker.vars == {
        "ISSUER": "mesh",
        "LIMITS": {"depth": 3, "names": ["a", 1.5, True]},
    }
    assert worker.secrets == {}
    assert worker.services == ()


def test_defaults_of_a_worker(files):
    """Name and main are enough; such a worker is private and has nothing."""
    files.worker("auth")
    worker = files.one("auth")
    assert not worker.workers_dev
    assert worker.compatibility_date is None
    assert (worker.routes, worker.services, worker.compatibility_flags) == ((), (), ())
    assert (worker.vars, worker.secrets) == ({}, {})


@pytest.mark.parametrize("name", ["wrangler.jsonc", "wrangler.json"])
def test_json_with_comments(files, name):
    """JSON may have comments, trailing commas and a `$schema`, about which nothing is said."""
    files.write("auth/entry.py")
    text = '{ // a worker\n"$schema": "x", "name": "auth", "main": "entry.py", /* no more */ }'
    files.write(f"auth/{name}", text)
    assert files.names("auth") == ["auth"]
    assert files.warnings("auth") == []


def test_date_may_be_toml_own(files):
    """`compatibility_date` may be a TOML date, and is kept as text."""
    files.worker("auth", "compatibility_date = 2026-01-31")
    assert files.one("auth").compatibility_date == "2026-01-31"


def test_single_route(files):
    """`route` is one route, as text or table."""
    files.worker("a", 'route = "example.com/*"')
    files.worker("b", 'route = { pattern = "b.example.com", custom_domain = true }')
    assert files.one("a").routes == (RouteConfig(pattern="example.com/*"),)
    assert files.one("b").routes == (RouteConfig(pattern="b.example.com", custom_domain=True),)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ('compatibility_date = "2026-1-31"', 'compatibility_date: expected a date such as "2026'),
        ('compatibility_date = "2026-02-31"', 'compatibility_date: expected a date such as "2026'),
        ("compatibility_date = 2026-01-31T00:00:00", "found a date"),
        ("compatibility_flags = 'x'", "compatibility_flags: expected an array, found a string"),
        ("compatibility_flags = [1]", "compatibility_flags[0]: expected a string that is not"),
        ("vars = 1", "vars: expected a table, found an integer"),
        ("vars.A = 2026-01-31", "vars.A: expected a JSON value, found a date"),
        ("vars.A = [10:00:00]", "vars.A[0]: expected a JSON value, found a time"),
        ("vars.A = {b = nan}", "vars.A.b: expected a JSON value, found a number that is not fin"),
        ('vars."a b" = inf', 'vars."a b": expected a JSON value'),
        ("routes = 'x'", "routes: expected an array, found a string"),
        ("routes = [1]", "routes[0]: expected a string or a table, found an integer"),
        ("routes = [{}]", "routes[0].pattern: key `pattern` is missing"),
        ("routes = [{pattern = ''}]", "routes[0].pattern: expected a string that is not empty"),
        ("routes = [{pattern = 'a', x = 1}]", "routes[0].x: unknown key `x`"),
        ("routes = [{pattern = 'a/*', custom_domain = true}]", "is not a custom domain"),
        ("route = 'a'\nroutes = ['b']", "route: there is also `routes`"),
        ("workers_dev = 'yes'", "workers_dev: expected true or false, found a string"),
        ("workers_dev = 1", "workers_dev: expected true or false, found an integer"),
        ("secrets = []", "secrets: expected a table, found an array"),
        ("secrets = {requird = []}", "unknown key `requird`; did you mean `required`?"),
        ("env = 1", "env: expected a table, found an integer"),
        ("env = {a = 1}", "env.a: expected a table, found an integer"),
        ("env.'a b' = {}", 'env."a b": not an environment name'),
        ("services = {}", "services: expected an array, found a table"),
        ("services = ['AUTH']", "services[0]: expected a table, found a string"),
    ],
)
def test_wrong_value_is_an_error(files, more, error):
    """An error names the file, the key's whole path, what was expected and what was found."""
    files.worker("auth", more)
    message = files.error("auth")
    assert message.startswith("auth/wrangler.toml: ")
    assert error in message


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('main = "entry.py"', "name: key `name` is missing"),
        ('name = 1\nmain = "entry.py"', "name: expected a string that is not empty, found an int"),
        ('name = ""\nmain = "entry.py"', "name: expected a string that is not empty, found an emp"),
        ('name = "Auth"\nmain = "entry.py"', "name: `Auth` is not a worker name"),
        ('name = "-a"\nmain = "entry.py"', "name: `-a` is not a worker name"),
        ('name = "a.b"\nmain = "entry.py"', "name: `a.b` is not a worker name"),
        ('name = "auth"', "main: key `main` is missing"),
        ('name = "auth"\nmain = "none.py"', "main: there is no file `none.py`"),
        ('name = "auth"\nmain = "index.js"', "main: `index.js` is not a Python file"),
        ('name = "auth"\nmain = "dir.py"', "main: there is no file `dir.py`"),
        ('name = "auth"\nmain = "a\\u0000.py"', "main: there is no file"),
        ('name = "auth"\nmain = ["entry.py"]', "main: expected a string that is not empty, found"),
    ],
)
def test_name_and_main_are_needed(files, text, error):
    """A worker has a name in Cloudflare's grammar, and a main that is a Python file."""
    files.write("auth/entry.py")
    files.write("auth/index.js")
    files.write("auth/dir.py/x")
    files.write("auth/wrangler.toml", text)
    assert error in files.error("auth")


def test_main_is_relative_to_the_file(files):
    """`main` is seen from the wrangler file, wherever the command is started."""
    main = files.write("shared/entry.py")
    files.write("a/auth/wrangler.toml", 'name = "auth"\nmain = "../../shared/entry.py"')
    assert files.one("a/auth").main == main


@pytest.mark.parametrize(
    ("key", "guess"),
    [
        ("maim", "; did you mean `main`?"),
        ("service", "; did you mean `services`?"),
        ("kv_namespace", "; did you mean `kv_namespaces`?"),
        ("zzzzzz", ""),
    ],
)
def test_unknown_key_is_an_error(files, key, guess):
    """A key that nobody knows is an error, with the key that it looks like."""
    files.worker("auth", f"{key} = 1")
    assert files.error("auth") == f"auth/wrangler.toml: {key}: unknown key `{key}`{guess}"


def test_products_that_we_do_not_have_are_one_warning(files):
    """Keys of other products and tools are ignored, and named in one warning per file."""
    files.worker(
        "auth",
        """
        kv_namespaces = [{ binding = "KV", id = "1" }]
        observability = { enabled = true }
        assets = { directory = "public" }
        [env.staging]
        d1_databases = []
        """,
    )
    assert files.warning("auth", "auth@staging") == (
        "auth/wrangler.toml: ignored, because the mesh has no such products or settings: "
        "kv_namespaces, observability, assets, env.staging.d1_databases"
    )


def test_half_a_surrogate_pair_is_an_error(files):
    """JSON may hold half a surrogate pair, which no request and no terminal could carry."""
    text = '{"name": "auth", "main": "entry.py", "vars": {"A": "\\ud800"}}'
    files.write("auth/wrangler.json", text)
    assert "half of a surrogate pair" in files.error("auth")
