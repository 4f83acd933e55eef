import os


def test_ok():
    assert True


def test_bad():
    os.environ["LEFT_BEHIND"] = "1"
