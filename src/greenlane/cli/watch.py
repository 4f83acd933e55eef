"""`--watch`: runs a lane again on every change, as an aid to whoever works on it. It decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from greenlane.cli.context import print_line
from greenlane.config.context import Context
from greenlane.errors import EXIT_INTERRUPTED, GreenlaneError
from greenlane.evidence.outcome import Outcome
from greenlane.judge.causes import group
from greenlane.report.lines import clean, more, row
from greenlane.run.rounds import Round, Watch

SHOWN = 3
"""Files that are named where there are more."""


def watch(context_of: Callable[[], Context], name: str, shards: tuple[str, ...], seed: int | None) -> int:
    """Run a lane, then what each change concerns, until Ctrl-C; return the exit code of a run that was stopped.

    Args:
        context_of: returns the context as the project's files are now.
        name: of the lane; shards: the one shard of a sharded lane; seed: of its order.

    Raises:
        ConfigError: it cannot begin.
    """
    watched = Watch(context_of, name, shards, seed)
    label, rounds = watched.lane.name, 0
    changed, chosen = set[str](), watched.tests
    try:
        while True:
            try:
                if chosen:
                    done = watched.run(chosen, changed)
                    rounds += 1
                    print_line("\n".join((*block(label, done), rest(label, done))))
                    if done.interrupted:
                        break
                elif changed:
                    print_line(f"{label}: no test file reads {few(changed)}")
                changed, chosen = watched.wait()
            except GreenlaneError as error:
                print_line("\n".join(error.lines()))
                changed, chosen = watched.wait()
    except KeyboardInterrupt:
        pass
    print_line(f"{label}: watched, {rounds} {'round' if rounds == 1 else 'rounds'}; nothing is proved: nox -s {label}")
    return EXIT_INTERRUPTED


def block(label: str, done: Round) -> list[str]:
    """Return one round in a few lines: what ran and why, then one line for each cause of red."""
    tests = [test for item in done.evidence for test in item.journal.outcomes]
    order = (Outcome.PASSED, Outcome.SKIPPED, Outcome.XFAILED, Outcome.XPASSED, Outcome.FAILED, Outcome.ERROR)
    number = {outcome: sum(test.outcome is outcome for test in tests) for outcome in order}
    counts = ", ".join(f"{number[outcome]:,} {outcome.value}" for outcome in order if number[outcome])
    why = f" ({few(done.changed)} changed)" if done.changed else ""
    files = f"{len(done.files):,} of {done.of:,} test files"
    head = f"{label} {time.strftime('%H:%M:%S')}: {files}{why}: {counts or 'no test ran'}"
    return [clean(head), *(f"  {row(cause)}" for cause in group(done.violations))]


def rest(label: str, done: Round) -> str:
    """Return the last line of a round: what was red, and what only a whole run can show."""
    red = f"{len(done.red)} red ({few(done.red)}), " if done.red else "none red, "
    other = done.of - len(done.files)
    what = f"the other {other:,} files, and " if other else ""
    return f"{label}: {red}watching; a whole run still has to show {what}that all of it is green: nox -s {label}"


def few(paths: Iterable[str]) -> str:
    """Return the first of some paths, and how many more there are."""
    found = sorted(paths)
    return clean(", ".join(found[:SHOWN])) + more(len(found) - SHOWN)
