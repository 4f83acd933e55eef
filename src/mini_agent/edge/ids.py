"""The id of a request: the client's own where it is harmless, else one of ours (GATEWAY 4.3)."""

from __future__ import annotations

from collections.abc import Callable

from mini_agent.core.patterns import Pattern

_ID = Pattern(rb"[A-Za-z0-9._-]{1,128}")


def request_id_of(given: bytes | None, new_id: Callable[[], str]) -> str:
    """Returns: the id that the client gave, if it has the form of one, else `req-` and a new one."""
    if given is not None and _ID.fullmatch(given):
        return given.decode("ascii")
    return f"req-{new_id()}"
