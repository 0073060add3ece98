"""Local secrets in `.dev.vars`."""

from __future__ import annotations

import pytest

from mesh.config import Overrides, load_mesh
from mesh.errors import ConfigError


def test_dotenv_syntax_without_interpolation(files):
    """Quotes, exports, comments and escapes are dotenv's; `${X}` stays as it is."""
    files.worker("auth")
    text = "A=1\n# a comment\nexport B='x y'\nC=\"a\\nb\"\nD=${A}\nEMPTY=\nA=2\n"
    files.write("auth/.dev.vars", text)
    secrets = {"A": "2", "B": "x y", "C": "a\nb", "D": "${A}", "EMPTY": ""}
    assert files.one("auth").secrets == secrets


def test_environment_has_a_file_of_its_own(files):
    """`.dev.vars.ENV` replaces `.dev.vars` for that environment; without it the plain one holds."""
    files.worker("auth", "[env.staging]\n[env.dev]")
    files.write("auth/.dev.vars", "A=plain\nB=plain")
    files.write("auth/.dev.vars.staging", "A=staging")
    workers = files.load("auth", "auth@staging", "auth@dev").config.workers
    plain, staging = {"A": "plain", "B": "plain"}, {"A": "staging"}
    assert [worker.secrets for worker in workers] == [plain, staging, plain]


def test_secret_overrides_a_var(files):
    """A secret with the name of a var takes its place."""
    files.worker("auth", 'vars = { A = "var", B = "var" }')
    files.write("auth/.dev.vars", "A=secret")
    worker = files.one("auth")
    assert (worker.vars, worker.secrets) == ({"B": "var"}, {"A": "secret"})


def test_broken_line_is_an_error_with_its_number(files):
    """Each broken line is reported by file and line, and never by what it says."""
    files.worker("auth")
    files.write("auth/.dev.vars", "A=1\n\n\n=hunter2\nB='hunter2\nhunter3\nD=4\n")
    assert files.errors("auth") == [
        f"auth/.dev.vars:{line}: this line is not NAME=VALUE" for line in (4, 5, 6)
    ]


def test_required_secret_that_is_missing_is_an_error(files):
    """`secrets.required` names what `.dev.vars` must set."""
    files.worker("auth", 'secrets = { required = ["KEY", "SALT"] }')
    error = "auth/wrangler.toml: secrets.required: secret `{}` is required, but {} does not set it"
    assert files.errors("auth") == [
        error.format("KEY", "auth/.dev.vars"),
        error.format("SALT", "auth/.dev.vars"),
    ]
    files.write("auth/.dev.vars", "KEY=1\nSALT=2")
    assert set(files.one("auth").secrets) == {"KEY", "SALT"}


def test_required_secrets_belong_to_their_level(files):
    """An environment does not inherit `secrets`, and is told so."""
    files.worker("auth", 'secrets = { required = ["KEY"] }\n[env.staging]')
    assert "`secrets` stands at the top" in files.warnings("auth@staging")[0]


def test_secret_is_in_no_repr(files):
    """The repr of a worker or a mesh, which ends in logs, holds no secret."""
    files.worker("auth")
    files.write("auth/.dev.vars", "KEY=hunter2")
    loaded = files.load("auth")
    assert loaded.config.workers[0].secrets == {"KEY": "hunter2"}
    assert "hunter2" not in repr(loaded) + str(loaded)


@pytest.mark.parametrize(
    "more",
    [
        'secrets = "hunter2"',
        'secrets = ["hunter2"]',
        'vars = "hunter2"',
        'services = ["hunter2"]',
        'services = [{ binding = "KEY", service = "a" }]',
        'workers_dev = "hunter2"',
        'compatibility_date = "hunter2"',
    ],
)
def test_secret_is_in_no_error(files, more):
    """Errors tell the type of a wrong value, so that a misplaced secret is not printed."""
    files.worker("auth", more)
    files.write("auth/.dev.vars", "KEY=hunter2\nhunter2\n")
    with pytest.raises(ConfigError) as caught:
        load_mesh(["auth"], environ={"HOME": "/"}, cwd=files.root, overrides=Overrides())
    assert "hunter2" not in f"{caught.value}{caught.value!r}"
