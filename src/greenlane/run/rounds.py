"""Runs a lane again and again while somebody works on it: each time the test files that a change concerns, only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from greenlane.config.context import Context
from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.journal import FilesRead
from greenlane.evidence.violation import Code, Violation
from greenlane.history.ledger import read_ledger
from greenlane.run.census import present_files
from greenlane.run.claims import claims_of
from greenlane.run.imports import ImportGraph, Stamp
from greenlane.run.inputs import ALWAYS, can_see
from greenlane.run.ready import decide
from greenlane.run.request import request_of_lane
from greenlane.run.tree import written_by_us
from greenlane.util.work_tree import PRUNED

PERIOD = 0.25
"""Seconds between two looks at the work tree; what is still being written changes from one to the next."""

OF_A_PART = frozenset({Code.PARTIAL, Code.NO_TESTS, Code.MISSING_OUTCOME})
"""What is wrong with every run of a part, and so says nothing."""

Files = Mapping[str, Stamp]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One run of test files.

    Attributes:
        changed: paths that began it; files: test files that were run; of: how many the lane has.
        evidence: of the run; violations: what is wrong.
        red: test files that were red when they were run last.
        interrupted: whether it was stopped before its end.
    """

    changed: tuple[str, ...]
    files: tuple[str, ...]
    of: int
    evidence: tuple[LaneEvidence, ...]
    violations: tuple[Violation, ...]
    red: tuple[str, ...]
    interrupted: bool


def look(settings: Settings) -> dict[str, Stamp]:
    """Return every file of the work tree that no tool keeps for itself, with what changes when it does."""
    root, own, found = settings.root, set(written_by_us(settings)), {}
    for folder, folders, files in os.walk(root):
        here = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if here == "." else f"{here}/"
        folders[:] = [name for name in folders if name not in PRUNED and prefix + name not in own]
        for name in files:
            if prefix + name in own:
                continue
            try:
                about = os.lstat(os.path.join(folder, name))
            except OSError:  # gone since it was listed
                continue
            found[prefix + name] = (about.st_mtime_ns, about.st_size, about.st_ino)
    return found


def differing(before: Files, after: Files) -> set[str]:
    """Return what was changed, added or removed."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


class Concerns:
    """Knows which test files a change concerns: what each imports by its text, and what it read when it ran."""

    def __init__(self, graph: ImportGraph) -> None:
        self._graph = graph
        self._reached: dict[str, set[str]] = {}
        self._read: dict[str, set[str]] = {}
        self._processes: set[str] = set()

    def learn(self, tests: Iterable[str], files: Files, reads: Iterable[FilesRead]) -> None:
        """Take in what ran, on the files that were there."""
        self._reached = self._graph.reached(tests, files)
        for event in reads:
            sources = {source for path in event.paths for source in sources_of(path)}
            self._read[event.nodeid] = self._read.get(event.nodeid, set()) | sources
            if event.processes:
                self._processes.add(event.nodeid)

    def of(self, changed: set[str], tests: Iterable[str], before: Files, after: Files) -> list[str]:
        """Return the test files that a change concerns, sorted.

        Args:
            changed: paths of files that the lane can see; tests: the test files that there are now.
            before: the files as they were; after: as they are now.
        """
        moved = {path for path in changed if (path in before) != (path in after)}
        touched = changed | {f"{path.rpartition('/')[0] or '.'}/" for path in moved}
        tests = list(tests)
        reached = self._graph.reached(tests, after)
        common = self._read.get("", set()) & touched or ("" in self._processes and changed)
        if common or changed & set(ALWAYS):
            return sorted(tests)
        return sorted(
            test for test in tests
            if touched & (reached[test] | self._reached.get(test, set()) | self._read.get(test, set()))
            or (test in self._processes and changed)
        )  # fmt: skip


def sources_of(path: str) -> tuple[str, ...]:
    """Return what a file that was read may have been made from: bytecode from a module, an installed one from ours."""
    folder, _, name = path.rpartition("/")
    if name.endswith(".pyc"):
        path = f"{folder.removesuffix('__pycache__')}{name.partition('.')[0]}.py"
    _, found, inner = path.partition("/site-packages/")
    return (inner, f"src/{inner}") if found else (path,)


class Watch:
    """A lane that is run again and again, until nobody asks any more.

    Args:
        context_of: returns the context as the project's files are now.
        name: of the lane; shards: the one shard of a sharded lane; seed: of its order.

    Raises:
        ConfigError: the lane is unknown, or it has shards and none of them is named.
    """

    def __init__(self, context_of: Callable[[], Context], name: str, shards: tuple[str, ...], seed: int | None) -> None:
        self._context_of = context_of
        self._context = context_of()
        self._shards, self._seed = shards, seed
        self.lane = self._context.settings.lane(name)
        if self.lane.shards and len(shards) != 1:
            known = ", ".join(self.lane.shards)
            raise ConfigError(f"--watch needs the one shard of {self.lane.name} to run in; known: {known}")
        self._files = look(self._context.settings)
        self._concerns = Concerns(ImportGraph(self._context.settings.root))
        self._red: set[str] = set()
        self._ran = False

    @property
    def tests(self) -> list[str]:
        """The test files of the lane, as they are there now."""
        settings = self._context.settings
        return present_files(settings.root, self.lane.tests, claims_of(settings, read_ledger(settings), self.lane))

    def run(self, chosen: Sequence[str], changed: Iterable[str]) -> Round:
        """Run test files.

        Args:
            chosen: which; changed: what began it.

        Raises:
            GreenlaneError: they could not be run.
        """
        whole = set(chosen) >= set(self.tests)
        only = () if whole else chosen
        request = request_of_lane(self._context.settings, self.lane.name, self._shards, self._seed, only=only)
        verdict, evidence = decide(self._context, msgspec.structs.replace(request, reads=True))
        self._ran = True
        tests = self.tests
        self._concerns.learn(tests, self._files, [read for item in evidence for read in item.journal.reads])
        found = [v for v in verdict.violations if whole or v.code not in OF_A_PART]
        self._red = (self._red - set(chosen) | {v.subject.partition("::")[0] for v in found}) & set(tests)
        return Round(
            changed=tuple(sorted(changed)), files=tuple(chosen), of=len(tests), evidence=tuple(evidence),
            violations=tuple(found), red=tuple(sorted(self._red)),
            interrupted=any(v.code is Code.INTERRUPTED for v in verdict.violations),
        )  # fmt: skip

    def wait(self) -> tuple[set[str], list[str]]:
        """Wait for a change; return what has changed, and the test files that it concerns.

        Raises:
            ConfigError: the project's configuration is wrong now.
        """
        before = self._files
        self._files = settled(self._context.settings, before)
        changed = differing(before, self._files)
        self._context = self._context_of()
        self.lane = self._context.settings.lane(self.lane.name)
        tests = self.tests
        if not self._ran or self.lane.lock in changed:
            return changed, tests
        seen = {path for path in changed if can_see(self.lane, path)}
        return changed, self._concerns.of(seen, tests, before, self._files)


def settled(settings: Settings, before: Files) -> dict[str, Stamp]:
    """Wait until something has changed and nothing is changing any more; return the files as they are then."""
    last = look(settings)
    while True:
        time.sleep(PERIOD)
        now = look(settings)
        if now == last and differing(before, now):
            return now
        last = now
