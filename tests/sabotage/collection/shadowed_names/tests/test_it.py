def test_twice():
    assert 1 == 2


def test_twice():  # noqa: F811
    pass


def test_gone():
    assert 1 == 2


del test_gone


def test_replaced():
    assert 1 == 2


test_replaced = len


class TestTwice:
    def test_method(self):
        assert 1 == 2

    def test_method(self):  # noqa: F811
        pass
