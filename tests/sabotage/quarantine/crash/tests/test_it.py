import os


def test_ok():
    assert True


def test_bad():
    os._exit(0)
