import unittest

import pytest


@pytest.mark.samples(5)
class TestOnce(unittest.TestCase):
    def test_once(self):
        """It would pass once, and be taken for five of five."""
