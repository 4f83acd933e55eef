"""`greenlane leaks`: what the last run's tests left behind, and, when asked, what only settled."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from greenlane.config.load import load
from greenlane.errors import EXIT_NOT_READY
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.journal import Leaked, Settled
from greenlane.evidence.reader import last_run

HELP = "List what tests left behind in the last run, one line for each thing; with --settled what is nobody's leak."
EXAMPLES = "  greenlane leaks\n  greenlane leaks core --settled"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("lanes", nargs="*", metavar="LANE", help="lanes to look at (default: all that have run)")
    parser.add_argument(
        "--settled", action="store_true",
        help="what the code under test and libraries changed in themselves: recorded, not red, not undone",
    )  # fmt: skip


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print what the artifacts of the last run hold; 1 when a test certainly left something behind."""
    settings = load(Path(arguments.project), environ)
    chosen = last_run(settings, [settings.lane(name).name for name in arguments.lanes])
    for line in _lines(chosen, settled=arguments.settled):
        print(line, flush=True)
    certain = any(_certain(leak) for one in chosen for leak in one.journal.leaks)
    return EXIT_NOT_READY if certain else 0


def _lines(evidence: Iterable[LaneEvidence], *, settled: bool) -> Iterator[str]:
    """Yield a line for each thing, worst first, and the counts."""
    checks = list(evidence)
    leaks = [leak for one in checks for leak in one.journal.leaks]
    things = {(one.watcher, one.what): one for check in checks for one in check.journal.settled}
    for leak in sorted(leaks, key=lambda leak: leak.blame != "leak"):
        yield _leak(leak)
    if settled:
        for thing in things.values():
            yield _settled(thing)
    listed = sum(leak.level == "known" for leak in leaks)
    certain = sum(_certain(leak) for leak in leaks)
    more = "" if settled or not things else "; --settled lists them"
    counts = f"{certain} leaks, {len(leaks) - certain - listed} uncertain, {len(things)} settled"
    yield f"{counts}{f', {listed} that the ledger lists' if listed else ''}{more}"


def _certain(leak: Leaked) -> bool:
    return leak.blame == "leak" and leak.level != "known"


def _leak(leak: Leaked) -> str:
    word = "LISTED" if leak.level == "known" else "LEAK" if leak.blame == "leak" else "UNCERTAIN"
    where = f" {'at' if leak.sure else 'probably at'} {leak.where}" if leak.where else ""
    return f"{word} {leak.watcher} {leak.what} from {leak.before} to {leak.after}{where} ({leak.nodeid})"


def _settled(thing: Settled) -> str:
    return f"SETTLED {thing.watcher} {thing.what} from {thing.before} to {thing.after} (first seen: {thing.nodeid})"
