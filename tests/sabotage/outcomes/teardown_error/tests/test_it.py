import pytest


@pytest.fixture(scope='session')
def thing():
    yield
    raise RuntimeError('cannot be cleaned up')


def test_a(thing):
    pass
