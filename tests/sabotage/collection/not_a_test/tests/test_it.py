class TestHidden:
    __test__ = False

    def test_bad(self):
        assert 1 == 2


def test_hidden():
    assert 1 == 2


test_hidden.__test__ = False


def test_good():
    pass
