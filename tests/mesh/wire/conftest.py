"""What the tests of the wire share."""

from __future__ import annotations

import pytest

from tests.support.wire_pair import Pair


@pytest.fixture
def pair() -> Pair:
    """Two ends that have greeted each other."""
    pair = Pair()
    pair.exchange()
    return pair
