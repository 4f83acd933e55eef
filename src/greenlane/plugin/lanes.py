"""Leaves to other lanes what is theirs: files before they are imported, tests by their marks and by the ledger."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from greenlane.evidence.claims import Claim, Claims
from greenlane.evidence.contract import Contract
from greenlane.sharding.claims import enters, moved, owners, takes_file


def suite_marks(config: pytest.Config) -> str:
    """Return the `-m` of a suite's own addopts: what its lanes take unless they say so themselves; empty for none."""
    words = list(config.getini("addopts"))
    found = ""
    for number, word in enumerate(words):
        if word == "-m" and number + 1 < len(words):
            found = words[number + 1]
        elif word.startswith("-m") and word != "-m" and not word.startswith("--"):
            found = word.removeprefix("-m").removeprefix("=")
    return found


class Lanes:
    """Knows which lane each file and test belongs to.

    Args:
        config: of the process; a `-m` of its addopts is taken as what the lanes say, and no longer as an option.
    """

    def __init__(self, config: pytest.Config, contract: Contract) -> None:
        usual = suite_marks(config)
        if usual and config.option.markexpr == usual:
            config.option.markexpr = ""
        lanes = tuple(_with_marks(claim, claim.marks or usual) for claim in contract.claims.lanes)
        # Whoever asks for single tests gets them, whosever they are.
        everybody = Claims(own=contract.claims.own, lanes=lanes, moves=contract.claims.moves)
        self._claims = Claims() if contract.only else everybody
        self._project = contract.project
        self.left: dict[str, None] = {}
        self.gaps: list[str] = []
        self.twice: dict[str, tuple[str, ...]] = {}

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Keep pytest out of files and folders that are other lanes'."""
        path = os.path.relpath(collection_path, self._project).replace(os.sep, "/")
        if not self._claims.lanes or path == "." or path.startswith("../"):
            return None
        own = enters(path, self._claims) if collection_path.is_dir() else takes_file(path, self._claims)
        return None if own else True

    def divide(self, items: list[pytest.Item]) -> None:
        """Leave only the tests of this lane in the list, and note what became of the others."""
        if not self._claims.lanes:
            return
        own: list[pytest.Item] = []
        others: list[pytest.Item] = []
        elsewhere = moved((item.nodeid for item in items), self._claims)
        for item in items:
            lanes = owners(item.nodeid, self._claims, self._asks(item), elsewhere)
            if not lanes:
                self.gaps.append(item.nodeid)
            elif len(lanes) > 1:
                self.twice[item.nodeid] = lanes
            (own if self._claims.own in lanes else others).append(item)
        self.left = dict.fromkeys(item.nodeid for item in others)
        items[:] = own

    def _asks(self, item: pytest.Item) -> Callable[[Claim], bool]:
        """Return what tells whether a test has the marks that a lane asks for."""
        from _pytest.mark import MarkMatcher
        from _pytest.mark.expression import Expression

        def has(claim: Claim) -> bool:
            try:
                return Expression.compile(claim.marks).evaluate(MarkMatcher.from_markers(item.iter_markers()))
            except Exception as error:
                raise pytest.UsageError(f"greenlane: lanes.{claim.lane}.marks: {claim.marks!r}: {error}") from error

        return has


def _with_marks(claim: Claim, marks: str) -> Claim:
    return Claim(lane=claim.lane, tests=claim.tests, exclude=claim.exclude, marks=marks)
