"""Every behaviour of a call is tested wherever the callee may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.mesh_under_test import Placement, placement

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=list(Placement), autouse=True)
def callee(request: pytest.FixtureRequest) -> Iterator[Placement]:
    """Where callees run in this test."""
    token = placement.set(request.param)
    yield request.param
    placement.reset(token)
