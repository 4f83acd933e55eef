import pytest


@pytest.mark.samples(3, at_least=0)
def test_bad():
    assert 1 == 2
