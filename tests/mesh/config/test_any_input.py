"""Whatever the files hold, the answer is a configuration or a ConfigError."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.config import Overrides, load_mesh
from mesh.errors import ConfigError

KNOWN = (
    *("name", "main", "compatibility_date", "compatibility_flags", "workers_dev", "nmae"),
    *("route", "routes", "pattern", "custom_domain", "vars", "secrets", "required"),
    *("services", "binding", "service", "environment", "entrypoint", "props"),
    *("env", "staging", "kv_namespaces"),
)
KEYS = st.sampled_from(KNOWN) | st.text(max_size=3)
WORDS = st.sampled_from(["auth", "entry.py", "AUTH", "2026-01-31", ""]) | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def load(files: dict[str, str], *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for name, text in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(text.encode(errors="surrogatepass"))
        with suppress(ConfigError):
            overrides = Overrides(env="staging")
            load_mesh(arguments, environ={"HOME": "/"}, cwd=root, overrides=overrides)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_any_table_is_a_worker_or_a_config_error(table):
    """Values of any type under known and unknown keys never raise anything else."""
    worker = {"name": "auth", "main": "entry.py", "env": {"staging": table}, **table}
    load({"auth/wrangler.json": json.dumps(worker), "auth/entry.py": ""}, "auth")


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_mesh_or_a_config_error(wrangler, mesh, secrets):
    """Nor does text that is no TOML, JSON or dotenv at all."""
    worker = 'name = "auth"\nmain = "entry.py"\n[env.staging]\n'
    files = {
        "a/wrangler.toml": wrangler,
        "b/wrangler.jsonc": wrangler,
        "c/wrangler.toml": worker,
        "c/.dev.vars": secrets,
        "mesh.toml": mesh,
    }
    load(files, "a", "b", "c")
