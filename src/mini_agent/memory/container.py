"""In which container of the memory service a user's memories are (GATEWAY 8.4)."""

from __future__ import annotations

import hashlib
import itertools
import string
from collections.abc import Iterator
from functools import lru_cache

from mini_agent.core.patterns import Pattern

_SAFE = frozenset(string.ascii_letters + string.digits + "_-")
#: Longest readable part of a container's name; the service would refuse a name of thousands of characters.
_LONGEST = 200
_SHORT, _LONG = 8, 64
#: What ids have beside safe characters most often, and how many of it and of hyphens in one id.
_USUAL = "@.:|"
_MOST_USUAL = 4
_MARKED = Pattern(f"^(.*)-([0-9a-f]{{{_SHORT}}})$")
_FULLY_MARKED = Pattern(f"-[0-9a-f]{{{_LONG}}}$")


def container_of(tag: str, user_id: str, scope: str) -> str:
    """Name the container. Two users never have the same one.

    A safe id is its own name. Any other has its foreign characters replaced by hyphens and is marked by digits of its
    SHA-256. Eight are enough only where all ids that look the same were tried and none has the same eight, which can be
    done with few of the usual characters; otherwise all 64 follow. A safe id that is the marked name of another one is
    marked by 64 itself.

    scope: `user` for one per user, `shared` for the bare tag.
    Returns: `<tag>_<user>`, with `-<digest>` where needed.
    """
    return tag if scope == "shared" else f"{tag}_{_name_of(user_id)}"


@lru_cache(maxsize=1024)
def _name_of(user_id: str) -> str:
    name = "".join(character if character in _SAFE else "-" for character in user_id[:_LONGEST])
    if name == user_id and not _is_marked(name):
        return name
    digest = _digest(user_id)
    alike = [other for other in _usual_ids(name) if _digest(other).startswith(digest[:_SHORT])]
    if len(user_id) <= _LONGEST and alike == [user_id]:
        return f"{name}-{digest[:_SHORT]}"
    return f"{name[: _LONGEST - _LONG]}-{digest}"


def _is_marked(name: str) -> bool:
    """Returns: whether a safe id is what another id's marked name is, or may be."""
    if _FULLY_MARKED.search(name):
        return True
    found = _MARKED.search(name)
    return found is not None and any(_digest(other).startswith(found[2]) for other in _usual_ids(found[1]))


def _usual_ids(name: str) -> Iterator[str]:
    """Yield every id with this name that has foreign characters, only usual ones; none where they would be too many."""
    pieces = name.split("-")
    if len(pieces) - 1 > _MOST_USUAL:
        return
    for filling in itertools.product("-" + _USUAL, repeat=len(pieces) - 1):
        if not set(filling) <= {"-"}:
            yield "".join(itertools.chain.from_iterable(itertools.zip_longest(pieces, filling, fillvalue="")))


def _digest(user_id: str) -> str:
    return hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()
