import os

import pytest


@pytest.mark.samples(3, at_least=1)
def test_bad(sample):
    if sample.number == 2:
        os.environ["LEFT_BEHIND"] = "1"
        assert False
