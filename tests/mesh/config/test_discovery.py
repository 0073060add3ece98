"""Which workers the arguments stand for."""

from __future__ import annotations

import pytest

from mesh.config import WorkerId


def test_directory_with_a_wrangler_file_is_a_worker(files):
    """Its name comes from the file, not from the directory."""
    files.worker("auth", directory="services/login")
    assert files.names("services/login") == ["auth"]


def test_absolute_argument(files):
    """An argument may be absolute."""
    files.worker("auth")
    assert files.names(str(files.root / "auth")) == ["auth"]


def test_no_argument_is_the_current_directory(files):
    """Without arguments the current directory is the argument, be it worker or mesh."""
    files.worker("solo", directory=".")
    assert files.names() == ["solo"]


def test_directory_of_workers_is_a_mesh(files):
    """Its direct subdirectories with a wrangler file are the workers, sorted by name."""
    for name in ("gateway", "app", "auth"):
        files.worker(name)
    files.worker("hidden", directory=".cache")
    files.worker("deep", directory="more/deep")
    files.write("notes/readme.md")
    assert files.names() == ["app", "auth", "gateway"]


def test_mesh_toml_makes_a_mesh_directory(files):
    """A directory with a mesh.toml is a mesh, also when it lists its workers elsewhere."""
    files.worker("gateway", directory="mesh/gateway")
    files.worker("auth", "[env.staging]", directory="other/auth")
    files.write("mesh/echo.py")
    workers = '["gateway", "../other/auth", "../other/auth@staging", "echo.py"]'
    files.write("mesh/mesh.toml", f"workers = {workers}")
    assert files.names("mesh") == ["gateway", "auth", "auth@staging", "echo"]


def test_workers_of_mesh_toml_replace_the_scan(files):
    """A subdirectory that mesh.toml does not list is not started."""
    files.worker("a")
    files.worker("b")
    files.write("mesh.toml", 'workers = ["b"]')
    assert files.names() == ["b"]


def test_empty_list_of_workers_is_an_error(files):
    """A mesh without workers is a mistake."""
    files.worker("a")
    files.write("mesh.toml", "workers = []")
    assert files.error() == "mesh.toml: workers: lists no worker"


def test_worker_with_a_mesh_toml_of_its_own(files):
    """A worker's directory may hold the mesh.toml too."""
    files.worker("solo", directory=".")
    files.write("mesh.toml", "limits.invocations = 5")
    loaded = files.load()
    assert [worker.id for worker in loaded.config.workers] == [WorkerId("solo")]
    assert loaded.config.limits.invocations == 5


@pytest.mark.parametrize(
    ("script", "name"),
    [("gateway.py", "gateway"), ("My_App.py", "my_app"), ("sub/echo.py", "echo")],
)
def test_script_is_a_worker(files, script, name):
    """A script is a worker named after it, lower-cased, with nothing configured."""
    main = files.write(script)
    files.write(".dev.vars", "A=1")
    worker = files.one(script)
    assert worker.id == WorkerId(name)
    assert (worker.main, worker.source, worker.directory) == (main, main, main.parent)
    assert (worker.vars, worker.secrets, worker.services) == ({}, {}, ())


def test_script_in_an_environment(files):
    """A script has no environments to choose from, so it runs in any."""
    files.write("echo.py")
    assert files.names("echo.py@staging") == ["echo@staging"]
    assert files.names("echo.py", env="dev") == ["echo@dev"]
    assert "`a b` is not an environment name" in files.error("echo.py@a b")


def test_script_whose_name_is_no_worker_name(files):
    """A script that cannot lend its name is an error."""
    files.write("my.app.py")
    assert files.error("my.app.py").startswith("my.app.py: `my.app` is not a worker name")


def test_environment_of_all_arguments(files):
    """The environment given for all holds for each argument that names none."""
    for name in ("a", "b"):
        files.worker(name, "[env.staging]\n[env.dev]")
    assert files.names("a", "b@dev", env="staging") == ["a@staging", "b@dev"]
    assert files.names(".@dev") == ["a@dev", "b@dev"]


def test_environment_of_a_mesh_holds_unless_its_list_names_one(files):
    """Entries of mesh.toml may name their own environment."""
    for name in ("a", "b"):
        files.worker(name, "[env.staging]\n[env.dev]")
    files.write("mesh.toml", 'workers = ["a", "b@dev"]')
    assert files.names(env="staging") == ["a@staging", "b@dev"]


def test_path_with_an_at_sign_is_taken_literally(files):
    """If the whole argument is a path that exists, its `@` is part of the name."""
    files.worker("auth", directory="auth@2")
    files.worker("other", "[env.2]", directory="auth")
    assert files.names("auth@2") == ["auth"]


@pytest.mark.parametrize("second", ["jsonc", "json"])
def test_two_wrangler_files_are_an_error(files, second):
    """It would be unclear which one holds."""
    files.worker("auth")
    files.write(f"auth/wrangler.{second}", "{}")
    error = f"auth: has several wrangler files: `wrangler.toml`, `wrangler.{second}`"
    assert files.error("auth") == error


def test_directory_without_a_worker_is_an_error(files):
    """It names the directory, also when that is the current one."""
    error = f"{files.root}: no wrangler.toml, here or in a subdirectory"
    assert files.error() == error


def test_missing_path_is_an_error(files):
    """A path that is not there is named whole."""
    error = f"{files.root}/none: there is no such file or directory"
    assert files.error("none") == error
    assert files.error("none@staging") == error


def test_file_that_is_no_script_is_an_error(files):
    """A wrangler file is no argument; its directory is."""
    files.worker("auth")
    error = "auth/wrangler.toml: is neither a worker's directory nor a .py script"
    assert files.error("auth/wrangler.toml") == error


def test_listed_worker_that_is_not_there_is_an_error(files):
    """An entry of mesh.toml is checked like an argument, but is no mesh itself."""
    files.worker("a", directory="nested/a")
    files.write("mesh.toml", 'workers = ["nested", "none"]')
    assert files.errors() == [
        f"{files.root}/nested: no wrangler.toml, here or in a subdirectory",
        f"{files.root}/none: there is no such file or directory",
    ]


def test_same_worker_twice_is_an_error(files):
    """Two files that declare the same worker are both named."""
    files.worker("auth", directory="a")
    files.worker("auth", directory="b")
    error = "b/wrangler.toml: worker `auth` is also declared in a/wrangler.toml"
    assert files.error() == error


def test_mesh_toml_beside_a_worker_holds(files):
    """Arguments that are workers find the mesh.toml in their parent directory."""
    files.worker("a")
    files.write("echo.py")
    files.write("mesh.toml", "limits.invocations = 7")
    assert files.load("a", "echo.py").config.limits.invocations == 7


def test_two_mesh_tomls_are_an_error_unless_one_is_chosen(files):
    """Workers of two meshes do not start together, unless --config says which file holds."""
    files.worker("a", directory="x/a")
    files.worker("b", directory="y/b")
    files.write("x/mesh.toml", "limits.invocations = 5")
    files.write("y/mesh.toml", "limits.invocations = 6")
    error = "mesh.toml: the arguments belong to several meshes: `x/mesh.toml`, `y/mesh.toml`"
    assert files.error("x/a", "y/b") == error
    chosen = files.load("x/a", "y/b", config=files.root / "y" / "mesh.toml")
    assert chosen.config.limits.invocations == 6
