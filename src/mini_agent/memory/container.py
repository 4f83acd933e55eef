"""In which container of the memory service a user's memories are (GATEWAY.md 8.4)."""

from __future__ import annotations

import hashlib
import re

__all__ = ["container_of"]

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
#: Longest readable part of a container's name; the service would refuse a name of thousands of characters.
_LONGEST = 200


def container_of(tag: str, user_id: str, scope: str) -> str:
    """Name the container.

    scope: `user` for one per user, `shared` for the bare tag.
    Returns: `<tag>_<user>`; where characters of the id had to be replaced or it is very long, eight digits of its
    SHA-256 follow, so that ids which look alike after that stay apart.
    """
    if scope == "shared":
        return tag
    name = _FOREIGN.sub("-", user_id)[:_LONGEST]
    if name == user_id:
        return f"{tag}_{user_id}"
    digest = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{tag}_{name}-{digest}"
