"""What honest projects do, and what looks like sabotage from afar."""

import asyncio
import contextlib
import functools
import os
import sys
import threading
import unittest
import warnings

import pytest


class Base:
    __test__ = False

    def test_inherited(self):
        assert self.value


class TestAbstract:
    __test__ = False
    value = 0

    def test_for_subclasses(self):
        assert self.value == 1


class TestConcrete(Base, TestAbstract):
    __test__ = True
    value = 1


class TestHelper:
    """A helper with a name like a test's: it has a constructor and no tests."""

    def __init__(self, value):
        self.value = value


class TestNested:
    class TestInner:
        def test_inner(self):
            assert TestHelper(1).value == 1

    @staticmethod
    def test_static():
        assert True

    @classmethod
    def test_class_method(cls):
        assert cls


class TestUnit(unittest.TestCase):
    def setUp(self):
        self.value = 1

    def test_unit(self):
        with self.subTest("a"):
            self.assertEqual(self.value, 1)
        with self.subTest("b"):
            self.assertEqual(self.value, 1)

    def testCamelCase(self):
        self.assertTrue(self.value)


if sys.platform == "win32":

    def test_only_there():
        raise AssertionError

else:

    def test_only_here():
        assert os.sep == "/"


if sys.version_info < (3, 8):

    def test_either():
        raise AssertionError

else:

    def test_either():
        assert True


def decorated(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def undressed(function):
    def inner():
        return function()

    inner.__name__ = function.__name__
    return inner


@decorated
def test_decorated():
    assert True


@undressed
def test_undressed():
    assert True


def test_marked_later():
    assert True


test_marked_later = pytest.mark.usefixtures("tmp_path")(test_marked_later)


@pytest.mark.parametrize("value", ["a[b]", "c::d", "", "ü", "x" * 300, None])
def test_parameters(value):
    assert value is None or isinstance(value, str)


def test_fixture_with_a_test_name(test_client):
    assert test_client


@pytest.mark.xfail(reason="bug 7 is not repaired yet")
def test_known_bug():
    assert 1 == 2


def test_xfail_by_call():
    pytest.xfail("bug 8 is not repaired yet")


def test_subtests(subtests):
    for number in range(3):
        with subtests.test(number=number):
            assert number < 3


def test_expects_an_error():
    with pytest.raises(ZeroDivisionError):
        1 / 0


def test_expects_a_warning():
    with pytest.warns(UserWarning):
        warnings.warn("look", UserWarning, stacklevel=1)


def test_only_warns():
    warnings.warn("a warning is no failure", UserWarning, stacklevel=1)


async def answer():
    await asyncio.sleep(0)
    return 42


def test_async_code():
    assert asyncio.run(answer()) == 42


def test_a_thread():
    seen = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    assert seen == [1]


def test_exit_is_expected():
    with pytest.raises(SystemExit):
        sys.exit(3)


def test_output_that_looks_like_ours(capsys):
    with contextlib.redirect_stdout(sys.stderr):
        print("core: RED")
    assert capsys.readouterr().err == "core: RED\n"


def test_patched(monkeypatch):
    monkeypatch.setenv("NAME", "value")
    monkeypatch.setattr(os, "sep", "|")
    assert os.environ["NAME"] == "value"
