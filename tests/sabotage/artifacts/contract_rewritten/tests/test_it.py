import os


def test_good():
    os.environ["LEFT"] = "behind"
