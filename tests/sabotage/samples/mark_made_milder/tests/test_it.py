import pytest


@pytest.mark.samples(3, at_least=3)
def test_bad(sample):
    assert sample.number == 1
