import os

import pytest


@pytest.fixture
def door():
    yield
    os._exit(0)


def test_a(door):
    pass


def test_bad():
    assert 1 == 2
