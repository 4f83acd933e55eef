def test_good():
    pass


def test_bad():
    assert 1 == 2


class TestAll:
    def test_good(self):
        assert 1 == 2
