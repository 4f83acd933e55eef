import pytest


@pytest.mark.samples(2, at_least=1)
def test_bad(sample):
    assert sample.number
