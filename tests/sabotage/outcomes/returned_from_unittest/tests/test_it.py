import unittest


class TestUnit(unittest.TestCase):
    def test_bad(self):
        return 1 == 2

    async def test_async(self):
        assert 1 == 2
