import os

import pytest


@pytest.mark.samples(4, at_least=1)
def test_bad(sample):
    if sample.number == 3:
        os._exit(0)
