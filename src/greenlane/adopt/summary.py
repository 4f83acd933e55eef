"""What `init` and `survey` say of a suite: worst first, one line for each cause, never a flood."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from greenlane.adopt.lanes_text import KINDS
from greenlane.adopt.placement import Place, Placed
from greenlane.adopt.survey import Survey
from greenlane.evidence.claims import Claims
from greenlane.judge.lasting import lasting
from greenlane.sharding.claims import moved, owners

SHOWN = 5
"""How many groups of tests are named for one lane."""


def placement_lines(placed: Iterable[Placed]) -> Iterator[str]:
    """Yield where tests belong: the counts, then for each lane but `core` what its tests did, once for each cause."""
    tests = list(placed)
    counts = Counter(test.place for test in tests)
    yield "placed: " + ", ".join(f"{counts[where]} {where}" for where in Place if counts[where])
    for where in (Place.BROKEN, Place.RELEASE, Place.ND):
        causes = _by_cause(test for test in tests if test.place is where)
        for own in causes[:SHOWN]:
            yield f"  {where}: {_named(own)}: {_short(own[0].why)}"
        if len(causes) > SHOWN:
            yield f"  {where}: {len(causes) - SHOWN} further causes, in greenlane-ledger.toml"


def missing_modules(seen: Survey) -> Iterator[str]:
    """Yield what nothing installs and files of the suite import."""
    names = Counter(
        error.cause.split("'")[1] for error in seen.observed.first.collect_errors if "No module named '" in error.cause
    )
    if names:
        named = ", ".join(name for name, _ in names.most_common())
        yield f"NOTE: the suite imports what nothing installs: {named}; name it with --group, --extra or --requirements"


def proposals(
    placed: Iterable[Placed], claims: Claims, kinds: Mapping[str, str], marks: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield which tests belong to another lane than they are in.

    Args:
        placed: where each test belongs; claims: what the lanes take; kinds: kind of each lane, by name.
        marks: marks by node id.
    """
    moves: dict[tuple[str, Place], list[Placed]] = {}
    seen = list(placed)
    elsewhere = moved((test.nodeid for test in seen), claims)
    for test in seen:
        names = marks.get(test.nodeid, ())
        met = {claim.lane for claim in claims.lanes if meets(claim.marks, names)}
        lanes = owners(test.nodeid, claims, lambda claim, met=met: claim.lane in met, elsewhere)  # type: ignore[misc]
        for owner in lanes[:1]:
            if kinds.get(owner, owner) != KINDS.get(test.place, test.place.value):
                moves.setdefault((owner, test.place), []).append(test)
    for (owner, where), tests in moves.items():
        causes = _by_cause(tests)
        for own in causes[:SHOWN]:
            yield f"move: {_named(own)} from {owner} to {where}{f': {_short(own[0].why)}' if own[0].why else ''}"
        if left := causes[SHOWN:]:
            yield f"move: {sum(map(len, left))} more from {owner} to {where}: {len(left)} further causes, see --json"
    if not moves:
        yield "no test has to move"


def _by_cause(tests: Iterable[Placed]) -> list[list[Placed]]:
    """Return tests of the same cause together, those of the cause that has most of them first."""
    causes: dict[str, list[Placed]] = {}
    for test in tests:
        causes.setdefault(lasting(test.why), []).append(test)
    return sorted(causes.values(), key=len, reverse=True)


def _named(tests: list[Placed]) -> str:
    return f"{tests[0].nodeid}{f' and {len(tests) - 1:,} more' if len(tests) > 1 else ''}"


def meets(expression: str, names: Collection[str]) -> bool:
    """Return whether a test with marks meets an expression of marks; one that is more than names decides nothing."""

    def holds(node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            parts = map(holds, node.values)
            return all(parts) if isinstance(node.op, ast.And) else any(parts)
        if isinstance(node, ast.UnaryOp):
            return not holds(node.operand)
        return isinstance(node, ast.Name) and node.id in names

    try:
        return not expression or holds(ast.parse(expression.strip(), mode="eval").body)
    except SyntaxError:
        return True


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."
