def test_bad():
    return 1 == 2


class TestAll:
    def test_method(self):
        return False
