"""Fixtures of the agent's tests."""

from __future__ import annotations

from contextlib import ExitStack
from textwrap import dedent

import pytest

from agent.namespace import WorkerNamespace, install
from tests.support.namespaces import CURRENT, behalf_of


@pytest.fixture
def start(tmp_path):
    """Write a worker's files, import its main module on its behalf, close it after the test."""
    install(CURRENT.get)
    with ExitStack() as exits:

        def start_worker(name, files, *, generation=1):
            directory = tmp_path / f"{name}-{generation}" / "src"
            for path, text in files.items():
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                (directory / path).write_text(dedent(text).replace("OWN", f"{name}{generation}"))
            namespace = WorkerNamespace(name, directory / "entry.py", generation=generation)
            exits.callback(namespace.close)
            return behalf_of(namespace.package, namespace.import_main)

        yield start_worker
