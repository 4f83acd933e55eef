def test_bad(sample):
    assert sample.number == 1
