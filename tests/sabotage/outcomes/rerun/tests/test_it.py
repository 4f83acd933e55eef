TRIES = []


def test_flaky():
    TRIES.append(1)
    assert len(TRIES) == 3
