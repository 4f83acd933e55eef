try:
    import nowhere

    def test_bad():
        assert nowhere

except ImportError:
    pass


def test_good():
    pass
