import os

import pytest


@pytest.fixture
def narrow():
    os.environ['NARROW'] = '1'


@pytest.fixture(scope='class')
def middle():
    os.environ['MIDDLE'] = '1'
    yield


@pytest.fixture(scope='module')
def wide():
    os.environ['WIDE'] = '1'
    yield


@pytest.fixture(scope='session')
def widest():
    yield
    os.environ['WIDEST'] = '1'


def test_narrow(narrow):
    pass


class TestAll:
    def test_middle(self, middle):
        pass


def test_wide(wide, widest):
    pass
