async def check():
    assert 1 == 2


async def test_async():
    assert 1 == 2


def test_returned():
    return check()


def test_forgotten():
    check()


def test_generator():
    async def inner():
        assert 1 == 2

    inner()
