def after(tiny):
    """Break what was green."""
    tiny.test("def test_good():\n    assert 1 == 2\n")
