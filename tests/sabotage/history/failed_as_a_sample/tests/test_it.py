from pathlib import Path

import pytest


@pytest.mark.samples(2)
def test_flaky(sample):
    assert (Path(__file__).parents[2] / "lucky").exists() or sample.number == 2
