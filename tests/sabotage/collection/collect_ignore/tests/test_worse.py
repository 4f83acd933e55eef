def test_worse():
    assert 1 == 2
