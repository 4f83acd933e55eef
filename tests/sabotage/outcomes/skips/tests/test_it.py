import unittest

import pytest


@pytest.mark.skip(reason="later")
def test_mark():
    assert 1 == 2


@pytest.mark.skipif(True, reason="always")
def test_condition():
    assert 1 == 2


def test_call():
    pytest.skip("now")


def test_import():
    pytest.importorskip("nowhere")


@pytest.fixture
def nothing():
    pytest.skip("no engine")


def test_fixture(nothing):
    assert 1 == 2


class TestUnit(unittest.TestCase):
    @unittest.skip("never")
    def test_unit(self):
        assert 1 == 2


def test_subtest(subtests):
    with subtests.test("part"):
        pytest.skip("this part")


def test_good():
    pass
