import signal

import pytest


@pytest.fixture
def thing():
    yield
    signal.pause()


def test_good(thing):
    pass
