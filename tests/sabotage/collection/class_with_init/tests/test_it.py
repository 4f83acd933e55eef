class TestAll:
    def __init__(self):
        self.n = 1

    def test_bad(self):
        assert self.n == 2


def test_good():
    pass
