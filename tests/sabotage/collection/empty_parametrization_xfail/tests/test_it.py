import pytest


@pytest.mark.parametrize('n', [])
def test_bad(n):
    assert 1 == 2


def test_good():
    pass
