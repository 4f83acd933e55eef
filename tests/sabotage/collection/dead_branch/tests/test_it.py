if False:

    def test_bad():
        assert 1 == 2


def test_good():
    pass
