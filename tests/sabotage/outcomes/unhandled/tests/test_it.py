import os
import sys
import threading

import product
import pytest

def fail():
    raise ValueError("late")


class Closing:
    def __del__(self):
        raise RuntimeError("cannot close")


def run():
    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()


def test_thread():
    run()


def test_finalizer():
    Closing()


def test_finalizer_in_a_cycle():
    one = Closing()
    one.itself = one


def test_coroutine():
    async def inner():
        return 1

    inner()


def test_coroutine_of_the_product():
    product.post()


@pytest.fixture(scope="module")
def quiet():
    before = threading.excepthook, sys.unraisablehook
    threading.excepthook = sys.unraisablehook = lambda args: None
    yield
    threading.excepthook, sys.unraisablehook = before


def test_before_the_hook(quiet):
    pass


def test_hook_of_a_fixture(quiet):
    run()


def test_putenv():
    os.putenv("NAME_OF_A_CHILD", "1")


def test_unsetenv():
    os.unsetenv("HOME")


def test_innocent():
    assert os.popen("echo $NAME_OF_A_CHILD$HOME").read().strip() == os.environ["HOME"]
