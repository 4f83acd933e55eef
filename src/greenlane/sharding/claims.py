"""Which lane a test belongs to: the ledger's word first, then the deepest path, then marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import PurePosixPath

from greenlane.evidence.claims import Claim, Claims
from greenlane.sharding.patterns import Names
from greenlane.util.globs import matches, wild


def moved(nodeids: Iterable[str], claims: Claims) -> dict[str, str]:
    """Return the lane of each test that the ledger puts elsewhere; the first move that means a test counts."""
    names = Names(nodeids)
    return {nodeid: move.lane for move in reversed(claims.moves) for nodeid in names.matching(move.test)}


def owners(nodeid: str, claims: Claims, has: Callable[[Claim], bool], elsewhere: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lanes that take a test: one, as it should be; none; or several; `broken` for a test without a lane.

    Args:
        claims: who takes what.
        has: returns whether the test has the marks that a lane asks for.
        elsewhere: lane of each test that the ledger puts elsewhere.
    """
    if nodeid in elsewhere:
        return (elsewhere[nodeid],)
    return tuple(claim.lane for claim in _deepest(nodeid, claims.lanes) if not claim.marks or has(claim))


def takes_file(path: str, claims: Claims) -> bool:
    """Return whether the lane that asks may have tests of a file, relative to the project and with slashes."""
    return not claims.lanes or claims.own in file_owners(path, claims)


def file_owners(path: str, claims: Claims) -> set[str]:
    """Return the lanes that may have tests of a file; `broken` where the ledger takes some of them out."""
    single = {
        claim.lane for claim in claims.lanes if any(test.startswith(f"{path}::") for test in claim.tests)
        and not _excluded(path, claim)
    }  # fmt: skip
    placed = {move.lane for move in claims.moves if wild(path, _file(move.test))}
    return {claim.lane for claim in _deepest(path, claims.lanes)} | single | placed


def enters(folder: str, claims: Claims) -> bool:
    """Return whether the lane that asks may have tests in a folder, so that it must be looked into."""
    own = [claim for claim in claims.lanes if claim.lane == claims.own]
    below = (_file(test) for claim in own for test in claim.tests)
    if not claims.lanes or any(_within(test, folder) for test in below):
        return True
    if any(move.lane == claims.own and _may_be_within(_file(move.test), folder) for move in claims.moves):
        return True
    return claims.own in {claim.lane for claim in _deepest(folder, claims.lanes)}


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _deepest(name: str, claims: Iterable[Claim]) -> list[Claim]:
    """Return the claims whose path is deepest, of those that a file, folder or test lies in."""
    depths = {claim.lane: (_depth(name, claim), claim) for claim in claims}
    most = max((depth for depth, _ in depths.values()), default=-1)
    return [claim for depth, claim in depths.values() if depth == most and depth >= 0]


def _depth(name: str, claim: Claim) -> int:
    """Return how deep the deepest path of a lane is that something lies in; -1 for none."""
    path = _file(name)
    if _excluded(path, claim):
        return -1
    return max((_parts(test) for test in claim.tests if _within(name, test)), default=-1)


@cache
def _parts(test: str) -> int:
    """Return how many folders, files and names a path has."""
    return len(PurePosixPath(_file(test)).parts) + test.count("::")


def _within(name: str, test: str) -> bool:
    """Whether a file, folder or test is a path, or lies below it."""
    if "::" in test:
        return name == test or name.startswith((f"{test}::", f"{test}["))
    start = _normal(test)
    return start == "." or _file(name) == start or name.startswith(f"{start}/")


@cache
def _normal(path: str) -> str:
    """Return a path of a lane without what means nothing; there are few of them, and they are asked for every test."""
    return PurePosixPath(path).as_posix()


def _may_be_within(pattern: str, folder: str) -> bool:
    """Whether what a pattern means may lie in a folder."""
    head = pattern.partition("*")[0].partition("?")[0]
    return head.startswith(f"{folder}/") or (head != pattern and f"{folder}/".startswith(head))


def _excluded(path: str, claim: Claim) -> bool:
    """Whether a lane leaves a file or folder to others: by its pattern, or by that of a folder that it lies in."""
    folders = [pattern.removesuffix("/**").rstrip("/") for pattern in claim.exclude]
    return matches(path, claim.exclude) or any(path == one or path.startswith(f"{one}/") for one in folders)
