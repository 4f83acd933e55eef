"""In which container of the memory service a user's memories are (GATEWAY.md 8.4)."""

from __future__ import annotations

import hashlib
import itertools
import string
from functools import lru_cache

from mini_agent.core.patterns import Pattern

__all__ = ["container_of"]

_SAFE = frozenset(string.ascii_letters + string.digits + "_-")
#: Longest readable part of a container's name; the service would refuse a name of thousands of characters.
_LONGEST = 200
_SHORT_DIGEST = 8
#: What a name may end with after characters were replaced: a user whose id ends so is given a digest as well.
_MARKED = Pattern(f"-(?:[0-9a-f]{{{_SHORT_DIGEST}}}|[0-9a-f]{{64}})$")
#: What addresses of mail and most ids have beside the safe characters, and how many of it in one id.
_USUAL = "@."
_MOST_USUAL = 6


def container_of(tag: str, user_id: str, scope: str) -> str:
    """Name the container. Two users never have the same one.

    A safe id is its own name. Any other has its foreign characters replaced by hyphens and is marked by a digest, and
    so is a safe one that looks marked. Eight digits of the SHA-256 are enough only where it can be shown that no other
    id has the same ones: with few characters replaced, all that look the same can be tried. Otherwise all 64 follow.

    scope: `user` for one per user, `shared` for the bare tag.
    Returns: `<tag>_<user>`, with `-<digest>` where the id is not safe, is very long, or looks marked.
    """
    return tag if scope == "shared" else f"{tag}_{_name_of(user_id)}"


@lru_cache(maxsize=1024)
def _name_of(user_id: str) -> str:
    name = "".join(character if character in _SAFE else "-" for character in user_id[:_LONGEST])
    if name == user_id and not _MARKED.search(name):
        return name
    digest = _digest(user_id)
    short = digest[:_SHORT_DIGEST]
    if _is_alone(user_id, name, short):
        return f"{name}-{short}"
    return f"{name[: _LONGEST - len(digest)]}-{digest}"


def _is_alone(user_id: str, name: str, short: str) -> bool:
    """Returns: whether no other id with this name can have these digits, of all that are given short ones."""
    slots = name.count("-")
    foreign = {character for character in user_id if character not in _SAFE}
    if len(user_id) > _LONGEST or not foreign or not foreign <= set(_USUAL) or slots > _MOST_USUAL:
        return False
    pieces = name.split("-")
    for filling in itertools.product("-" + _USUAL, repeat=slots):
        other = "".join(itertools.chain.from_iterable(itertools.zip_longest(pieces, filling, fillvalue="")))
        if other != user_id and other != name and _digest(other).startswith(short):
            return False
    return True


def _digest(user_id: str) -> str:
    return hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()
