import os

import pytest


@pytest.mark.leaks
def test_leaks():
    os.environ['LEFT'] = 'behind'
