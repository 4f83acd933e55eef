import os

import pytest


@pytest.mark.xfail(reason='bug 7')
def test_leaks():
    os.environ['LEFT'] = 'behind'
    assert 1 == 2


def test_good():
    pass
