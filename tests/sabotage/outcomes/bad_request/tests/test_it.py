import os
import urllib.error
import urllib.request

import pytest


def ask():
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(os.environ["BASE"] + "/bad", timeout=5)


@pytest.mark.refused(2)
def test_announced():
    ask()
    ask()


def test_silent():
    try:
        ask()
    finally:
        pass


@pytest.mark.refused(1)
@pytest.mark.skip(reason="so that its refusal is free for another")
def test_skipped():
    ask()
