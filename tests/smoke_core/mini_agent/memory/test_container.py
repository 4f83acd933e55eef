"""Container names: readable, safe, and apart."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mini_agent.memory.container import container_of

USERS = st.text(min_size=1, max_size=40)


def test_plain_ids_stay_readable() -> None:
    """Without foreign characters the name is tag and user; a shared scope knows no user."""
    assert container_of("supermemory", "ada_9-B", "user") == "supermemory_ada_9-B"
    assert container_of("team", "ada", "shared") == "team"


def test_replaced_characters_are_followed_by_a_digest() -> None:
    """Characters outside the safe set become hyphens, and eight digits of the id's SHA-256 follow."""
    assert container_of("t", "ada@x.io", "user") == "t_ada-x-io-52c39103"


@given(USERS, USERS)
def test_two_users_have_two_containers(first: str, second: str) -> None:
    """Names use safe characters only, and differ whenever the users do."""
    names = [container_of("t", user, "user") for user in (first, second)]
    assert all(re.fullmatch(r"t_[A-Za-z0-9_-]+", name) for name in names)
    assert (names[0] == names[1]) is (first == second)


def test_long_ids_are_cut_and_stay_apart() -> None:
    """A name stays short, and ids that begin alike have different ones."""
    names = {container_of("t", "a" * 5000 + end, "user") for end in "xyz"}
    assert len(names) == 3
    assert max(map(len, names)) < 250
