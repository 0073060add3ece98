"""One concept a file, one thought a function."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.test_layers import FILES, relative

FILE_LINES = 400
FUNCTION_LINES = 40


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_size(path) -> None:
    """Past the limit, split by concept."""
    text = path.read_text()
    assert text.count("\n") <= FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            docstring = ast.get_docstring(node, clean=False)
            length -= docstring.count("\n") + 1 if docstring else 0
            assert length <= FUNCTION_LINES, f"{path.name}: {node.name} has {length} lines"
