import unittest


def test_parts(subtests):
    for number in range(2):
        with subtests.test(number=number):
            assert number == 0


class TestUnit(unittest.TestCase):
    def test_parts(self):
        for number in range(2):
            with self.subTest(number=number):
                self.assertEqual(number, 0)
