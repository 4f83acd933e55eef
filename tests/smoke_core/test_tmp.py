def test_ok() -> None:
    assert True
