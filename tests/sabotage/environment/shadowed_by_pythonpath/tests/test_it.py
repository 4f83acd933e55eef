import pygments
import this


def test_good():
    assert pygments.ANSWER == this.ANSWER == 42
