def test_good():
    pass


def test_bad():
    assert 1 == 2


def test_worse():
    assert 1 == 2
