import pytest


@pytest.mark.samples(4, at_least=3)
def test_bad(sample):
    assert sample.number in (1, 2)
