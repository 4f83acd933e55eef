"""`-k` with names of shards: what chooses shards, and what is left to pytest."""

from __future__ import annotations

import pytest

from greenlane.sharding.keywords import choose_shards, shards_of, split_keyword

NAMES = {"shard_a": "shard_a", "shard_b": "shard_b", "s.c-3": "s.c-3", "second": "shard_b"}


@pytest.mark.parametrize(
    ("expression", "shards"),
    {
        "shard_b": "shard_b",
        "not shard_b": "shard_a s.c-3",
        "not second": "shard_a s.c-3",
        "shard_a or s.c-3": "shard_a s.c-3",
        "shard_a and shard_b": "",
        "not (shard_a or shard_b)": "s.c-3",
        "not not shard_a": "shard_a",
        "shard_a and not s.c-3 or second": "shard_a shard_b",
    }.items(),
)
def test_names_of_shards_alone_mean_shards(expression: str, shards: str) -> None:
    """Names, aliases, `and`, `or`, `not` and brackets mean what they mean to pytest, of shards."""
    assert shards_of(expression, NAMES) == frozenset(shards.split())


@pytest.mark.parametrize(
    "expression",
    [
        "test_it",
        "shard_a or test_it",
        "shard",
        "shard_a shard_b",
        "shard_a (shard_b)",
        "shard_a or ()",
        "not",
        "",
        "(",
        "shard_a or",
        "SHARD_A",
        "shard_a(x)",
    ],
)
def test_any_other_expression_is_left_to_pytest(expression: str) -> None:
    """A test's name, half a name, or what is no expression chooses no shard: pytest reads it."""
    assert shards_of(expression, NAMES) is None


@pytest.mark.parametrize(
    ("addopts", "given", "named", "shards", "rest"),
    [
        ("-q -k shard_b --tb=short", "", (), ("shard_b",), "-q --tb=short"),
        ("-k'not shard_b' -x", "", (), ("shard_a", "s.c-3"), "-x"),
        ("-k shard_b", "shard_a", (), ("shard_a",), ""),
        ("-k shard_b -k shard_a", "", (), ("shard_a",), ""),
        ("-k 'not shard_b'", "", ("shard_b", "shard_a"), ("shard_a",), ""),
        ("-k 'not shard_b'", "", ("shard_b",), (), ""),
        ("-k test_it", "", ("shard_a",), ("shard_a",), "-k test_it"),
        ("-q", "a b", (), (), "-q -k 'a b'"),
        ("", "", (), (), ""),
    ],
)
def test_the_option_is_taken_out_only_where_it_chose(
    addopts: str, given: str, named: tuple[str, ...], shards: tuple[str, ...], rest: str
) -> None:
    """The last `-k` chooses among the named shards, our own before the variable's; pytest gets the rest as it was."""
    assert choose_shards(addopts, given, named, NAMES)[:2] == (shards, rest)


def test_an_expression_of_another_option_is_kept() -> None:
    """Only `-k` and its word are taken out."""
    assert split_keyword(["-m", "slow", "-k=a", "x"]) == (["-m", "slow", "x"], "a")
