TRIES = []


def test_twice():
    TRIES.append(1)
    assert len(TRIES) == 2
