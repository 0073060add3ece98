"""Groups, and which workers face the public."""

from __future__ import annotations

import pytest

ROUTE = 'routes = ["{}.example.com/*"]'


def groups_of(config) -> dict[str, list[str]]:
    return {group.name: [str(worker) for worker in group.workers] for group in config.groups}


def edge_of(config) -> list[str]:
    return [str(worker) for worker in config.edge.workers]


def test_worker_in_no_group_is_in_default(files):
    """Every worker is in exactly one group; `default` may also be written out."""
    for name in "abcd":
        files.worker(name)
    files.write("mesh.toml", "[groups]\nx.workers = ['c']\ndefault.workers = ['a']")
    config = files.load().config
    assert groups_of(config) == {"x": ["c"], "default": ["a", "b", "d"]}
    assert config.group_of(config.workers[0].id).name == "default"


def test_group_without_workers_here_is_left_out(files):
    """A group has at least one worker, so that no process starts for nothing."""
    files.worker("a")
    files.worker("b")
    files.write("mesh.toml", "groups.x.workers = ['b']\ngroups.y.workers = []")
    assert groups_of(files.load("a").config) == {"default": ["a"]}


def test_worker_in_two_groups_is_an_error(files):
    """A group is a process, and a worker is in one."""
    files.worker("a")
    files.write("mesh.toml", "groups.x.workers = ['a']\ngroups.y.workers = ['a']")
    assert files.error() == "mesh.toml: groups.y.workers: `a` is also in group `x`"


def test_environments_in_groups(files):
    """`a` means `a`, or its environments where the plain worker does not run."""
    files.worker("a", "[env.staging]\n[env.dev]")
    files.write("mesh.toml", "groups.x.workers = ['a']\ngroups.y.workers = ['a@dev']")
    both = files.load("a", "a@staging", "a@dev").config
    assert groups_of(both) == {"x": ["a"], "y": ["a@dev"], "default": ["a@staging"]}
    assert groups_of(files.load("a@staging").config) == {"x": ["a@staging"]}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("groups.x.workers = ['gatewy']", "groups.x.workers"),
        ("edge.workers = ['gatewy']", "edge.workers"),
    ],
)
def test_unknown_worker_is_an_error(files, text, where):
    """A name that mesh.toml has and nobody bears is an error with a suggestion."""
    files.worker("gateway")
    files.write("mesh.toml", text)
    error = f"mesh.toml: {where}: no worker `gatewy`; did you mean `gateway`?"
    assert files.error() == error


def test_worker_that_does_not_run_may_be_named(files):
    """mesh.toml speaks of the whole mesh, also when only a part of it is started."""
    files.worker("a", "[env.staging]")
    files.write("other/wrangler.json", '{"name": "b"}')
    files.write("echo.py")
    files.write("mesh.toml", "groups.x.workers = ['b', 'a@staging', 'echo']\nedge.workers = ['b']")
    config = files.load("a").config
    assert groups_of(config) == {"default": ["a"]}
    assert edge_of(config) == []


def test_edge_workers_have_routes_or_workers_dev_or_are_named(files):
    """Routes, workers_dev, mesh.toml and the flag each make an edge worker."""
    for name, more in {
        "a": ROUTE.format("a"),
        "b": "workers_dev = true",
        "c": "",
        "d": "",
        "e": "",
    }.items():
        files.worker(name, more)
    files.write("mesh.toml", "edge.workers = ['c']")
    assert edge_of(files.load(edge_workers=("d",)).config) == ["a", "b", "c", "d"]


def test_unknown_edge_worker_of_a_flag_is_an_error(files):
    """The flag names a worker that runs, not one that merely lives in the mesh."""
    files.worker("gateway")
    files.worker("auth")
    files.write("mesh.toml", "edge.workers = ['gateway']")
    error = files.error("gateway", edge_workers=("auth",))
    assert error == "--edge: no worker `auth`"
    error = files.error("gateway", edge_workers=("gatewy",))
    assert error == "--edge: no worker `gatewy`; did you mean `gateway`?"


def test_edge_workers_in_two_groups_are_an_error(files):
    """There is one listener, so its workers share a process."""
    files.worker("a", ROUTE.format("a"))
    files.worker("b", ROUTE.format("b"))
    files.write("mesh.toml", "groups.x.workers = ['b']")
    assert files.error() == (
        "mesh.toml: groups: the edge workers are in several groups: "
        "group `x` has `b`; group `default` has `a`"
    )


def test_same_route_of_two_edge_workers_is_an_error(files):
    """It would be unclear who answers."""
    files.worker("a", ROUTE.format("x"))
    files.worker("b", ROUTE.format("x"))
    assert files.error() == (
        "b/wrangler.toml: routes: `b` and `a` (a/wrangler.toml) have the same route "
        "`x.example.com/*`"
    )


def test_environment_that_inherits_a_route_collides(files):
    """A worker and its environment side by side need routes of their own."""
    files.worker("a", f"{ROUTE.format('x')}\n[env.staging]")
    assert "have the same route" in files.error("a", "a@staging")


def test_broken_worker_causes_no_complaint_about_its_name(files):
    """While a worker cannot be read, names that nobody bears may well be its name."""
    files.write("gateway/wrangler.toml", "=")
    files.worker("auth")
    files.write("mesh.toml", "edge.workers = ['gateway']\ngroups.x.workers = ['gateway']")
    assert files.error() == "gateway/wrangler.toml:1:1: Invalid statement"
