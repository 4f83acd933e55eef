"""What words say that lasts: numbers of threads, ports and processes, addresses, digests and temporary folders vary."""

from __future__ import annotations

import re

EPHEMERAL = 32_768
"""The first port that Linux gives out by itself (`ip_local_port_range`); a lower one is somebody's choice."""

_VARYING = re.compile(
    r"""
    (?P<address>\b0x[0-9a-f]{4,}\b)
    | (?P<hex>(?<![^\W_])(?=[a-f]*\d)[0-9a-f]{12,}(?![^\W_]))
    | (?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)
    | (?P<folder>(?<![\w.])(?:/private)?/(?:tmp|var/tmp|var/folders)(?:/[^\s'"<>(),;:\]]+)+)
    | (?P<pid>\bpid[ =:]+\d+)
    | (?P<port>(?:(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|::1?\]?)[:\s,'"]{1,3}|\bport[ =:]+)\d{5}\b)
    | (?P<number>\b(?:\w*Thread|\w*Process|\w*[Ww]orker|ThreadPoolExecutor|Task|Dummy|pool)(?:[-_ ]\d+)+)
    | (?P<long>\b\d{9,}\b)
    """,
    re.VERBOSE,
)
_DIGITS = re.compile(r"\d+")
_COUNTED = ("threads:", "tasks:")
"""Things whose names somebody counts on: `Thread-12 (serve)`, `worker-3`, `ThreadPoolExecutor-0_1`."""

_COUNTS = re.compile(r"(?<=[-_ ])\d+(?![^\W_])")


def lasting(text: str) -> str:
    """Return a text with `*` for what differs from run to run and from one of a kind to the next."""
    found = _VARYING.sub(_without, text)
    return _COUNTS.sub("*", found) if found.startswith(_COUNTED) else found


def _without(match: re.Match[str]) -> str:
    """Return what lasts of a piece that varies."""
    kind, piece = match.lastgroup, match[0]
    if kind in ("pid", "number"):
        return _DIGITS.sub("*", piece)
    if kind == "port":
        head, digits = piece[:-5], piece[-5:]
        return f"{head}*" if int(digits) >= EPHEMERAL else piece
    return "*"
