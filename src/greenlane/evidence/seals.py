"""Seals on the lines of a journal: what a lane's own code writes into it is found out.

The key is made for one run and is in no file, variable or argument by the time that the lane's code runs. Whoever digs
it out of the memory of pytest can forge; a test that writes, copies, alters or removes lines cannot.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict

import msgspec

MARK = b',"seal":"'
KEY_BYTES = 32
SHOWN = 3
"""How many broken lines are named."""


class _Author(msgspec.Struct):
    worker: str
    seq: int = -1


def with_seal(body: bytes, key: bytes) -> bytes:
    """Return a JSON object with a seal over all the rest as its last field."""
    return body[:-1] + MARK + _digest(body[:-1], key) + b'"}'


def _digest(text: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(text, key=key, digest_size=16).hexdigest().encode()


def broken_seals(journal: bytes, key: bytes) -> tuple[str, ...]:
    """Return what is wrong with the lines of a journal: foreign or altered, repeated, missing.

    Args:
        journal: content of the file.
    """
    foreign: list[int] = []
    repeated: list[int] = []
    seen: dict[str, set[int]] = defaultdict(set)
    for number, line in enumerate(journal.splitlines(), 1):
        body, mark, seal = line.rpartition(MARK)
        if not mark or not hmac.compare_digest(_digest(body, key) + b'"}', seal):
            foreign.append(number)
            continue
        author = msgspec.json.decode(body + b"}", type=_Author)
        if author.seq in seen[author.worker]:
            repeated.append(number)
        seen[author.worker].add(author.seq)
    lost = {worker: max(numbers) + 1 - len(numbers) for worker, numbers in seen.items()}
    return (
        *_numbered("was not written by the harness, or was altered", foreign),
        *_numbered("is a copy of another", repeated),
        *(f"{count} journal lines of process {worker} are missing" for worker, count in lost.items() if count > 0),
    )


def _numbered(what: str, numbers: list[int]) -> list[str]:
    """Return one line for each of the first, and one for the rest."""
    lines = [f"journal line {number} {what}" for number in numbers[:SHOWN]]
    more = len(numbers) - SHOWN
    return lines + ([f"… and {more} more such lines"] if more > 0 else [])
