"""After many collections with one wrong answer in five, nothing is lost, nothing doubled and nothing wrong."""

from __future__ import annotations

import pytest

from effort import cases
from portals.soak import soak


@pytest.mark.parametrize("seed", cases([1, 2], fast=[1]))
def test_a_soak_ends_exact(tmp_path, seed):
    soaked = soak(tmp_path, 50, seed)
    assert soaked.wrong > 0.1 * soaked.answers
    assert soaked.failed > 3
    assert soaked.batches > 20
