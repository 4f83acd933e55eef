"""Container names: readable, safe, and apart."""

from __future__ import annotations

import hashlib
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


def test_a_plain_id_cannot_be_the_name_of_another() -> None:
    """Wanted: another user's memories, by the id that their container's name looks like; and so on without end."""
    for victim in ("ada@x.io", "auth0|1234", "grüße", "a" * 300):
        name = victim
        for _ in range(4):
            container = container_of("t", name, "user")
            name = container.removeprefix("t_")
            assert container_of("t", name, "user") != container


def test_an_id_that_only_looks_marked_stays_readable() -> None:
    """No false alarm: ids that end in eight digits are common, and nobody's marked name is one by chance."""
    for user in ("pycharm-gr--e-1a2b3c4d", "x-01234567", "123e4567-e89b-12d3-a456-426614174000"):
        assert container_of("t", user, "user") == f"t_{user}"


def test_a_pair_with_the_same_short_digits_is_told_apart() -> None:
    """Wanted: two ids with one container, by trying 100,000 of them. A pair was found, and both get all 64 digits."""
    pair = ("u7123|.:@", "u7123|.||")
    digests = [hashlib.sha256(user.encode()).hexdigest() for user in pair]
    assert digests[0][:8] == digests[1][:8]
    assert [container_of("t", user, "user") for user in pair] == [f"t_u7123-----{digest}" for digest in digests]
