def test_a():
    raise KeyboardInterrupt


def test_bad():
    assert 1 == 2
