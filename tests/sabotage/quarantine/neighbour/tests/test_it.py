def test_ok():
    assert True


def test_bad():
    assert True


def test_bad_too():
    assert 1 == 2
