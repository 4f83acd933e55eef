import pytest


@pytest.fixture
def broken(sample):
    assert sample.number == 1


@pytest.mark.samples(3, at_least=1)
def test_bad(broken):
    pass
