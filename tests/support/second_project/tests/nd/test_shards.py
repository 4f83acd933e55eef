import pytest


@pytest.mark.shard("shard_a")
def test_a():
    assert True


@pytest.mark.shard("shard_b")
def test_b():
    assert True
