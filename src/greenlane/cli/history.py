"""`greenlane history …`: what is remembered of runs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.cli.context import context_of, print_answer, print_line, say_of
from greenlane.config.load import Settings
from greenlane.errors import EXIT_READY, ConfigError
from greenlane.evidence.history import DAY
from greenlane.history.recall import can_ask
from greenlane.judge.examiners.artifacts import junit_key
from greenlane.report.table import bar, day, minute, table
from greenlane.run.tree import tree_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

HELP = "Look at the outcomes and durations of earlier runs, import and export them."
EXAMPLES = """\
  greenlane history show
  greenlane history show tests/test_a.py::test_one --json
  greenlane history trend --lane core --days 30
  greenlane history import build/test-results/*.xml --lane unit --tree current
  greenlane history export
  greenlane history prune --keep-days 180 --dry-run"""

Verb = Callable[[Settings, argparse.Namespace, "Engine"], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser("show", help="the newest runs, or the newest outcomes of one test")
    show.add_argument("test", nargs="?", default="", metavar="NODEID", help="one test (default: runs)")
    show.add_argument("--limit", type=int, default=20, help="how many (default: 20)")
    trend = verbs.add_parser("trend", help="a lane or a test, day by day")
    trend.add_argument("test", nargs="?", default="", metavar="NODEID", help="one test (default: the lane)")
    trend.add_argument("--days", type=int, default=30, help="how many days back (default: 30)")
    take = verbs.add_parser("import", help="JUnit files of any runner, as one run")
    take.add_argument("files", nargs="+", metavar="FILE", help="JUnit XML of one run")
    take.add_argument("--tree", default="", help="state of the work tree, or `current`; without it nothing can flake")
    take.add_argument("--machine", default="", help="where it ran (default: what the file says)")
    take.add_argument("--run", default="", metavar="ID", help="name of the run (default: follows from the content)")
    take.add_argument("--dry-run", action="store_true", help="read and check, and import nothing")
    export = verbs.add_parser("export", help="write the file of durations that shards are planned with")
    export.add_argument("--out", default="", metavar="FILE", help="another file (default: history.durations)")
    prune = verbs.add_parser("prune", help="remove old runs, or single ones that are known to be wrong")
    prune.add_argument("--keep-days", type=int, help="remove what is older than so many days")
    prune.add_argument("--run", action="append", default=[], metavar="ID", help="remove one run; may be repeated")
    prune.add_argument("--dry-run", action="store_true", help="count, and remove nothing")
    ingest = verbs.add_parser("ingest", help="store the runs that wait in the spool")
    ingest.add_argument("--apart", action="store_true", help="keep a failure for the next command to say")
    for verb in (show, trend, take):
        verb.add_argument("--lane", default="imported" if verb is take else "", help="name of the lane")
    for verb in (show, trend, take, export, prune, ingest):
        verb.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Open the database and do what the verb says."""
    context = context_of(arguments, environ)
    settings = context.settings
    needed()
    from greenlane.history.database import address, connect
    from greenlane.history.ingest import ingest_apart, opened

    if arguments.verb == "ingest":
        stored = ingest_apart(context)
        return print_answer(arguments, {"stored": stored}, [f"{stored} runs stored"])
    engine = connect(address(context)) if getattr(arguments, "dry_run", False) else opened(context)
    VERBS[arguments.verb](settings, arguments, engine)
    return EXIT_READY


def needed() -> None:
    """Refuse to go on without the libraries of the database.

    Raises:
        ConfigError: they are not installed where we run.
    """
    if not can_ask():
        raise ConfigError(
            "history needs SQLAlchemy and Alembic, which are not installed here",
            "nox -s greenlane -- history show, or pip install alembic sqlalchemy",
        )


def _show(_settings: Settings, arguments: argparse.Namespace, engine: Engine) -> None:
    from greenlane.history.database import reading
    from greenlane.history.queries import latest_runs

    if arguments.test:
        _show_test(arguments, engine)
        return
    with reading(engine) as connection:
        runs = latest_runs(connection, arguments.lane, arguments.limit)
    head = ("started (UTC)", "run", "tests", "failed", "seconds", "machine", "tree", "")
    rows = [
        (minute(r.started_at), r.run, str(r.tests), str(r.failed), f"{r.seconds:.1f}", r.machine, r.tree[:12],
         f"broken: {r.broken}" if r.broken else "")
        for r in runs
    ]  # fmt: skip
    print_answer(arguments, runs, table(head, rows))


def _show_test(arguments: argparse.Namespace, engine: Engine) -> None:
    from greenlane.history.database import reading
    from greenlane.history.queries import latest_outcomes

    with reading(engine) as connection:
        outcomes = latest_outcomes(connection, arguments.test, arguments.lane, arguments.limit)
    if not outcomes:
        raise ConfigError(f"history knows no test {arguments.test!r}", "greenlane history show lists the runs")
    head = ("started (UTC)", "outcome", "seconds", "run", "machine", "tree", "")
    rows = [
        (minute(o.started_at), f"{o.outcome.value}{' (run again)' if o.both else ''}", f"{o.seconds:.3f}", o.run,
         o.machine, o.tree[:12], f"broken: {o.broken}" if o.broken else o.cause)
        for o in outcomes
    ]  # fmt: skip
    print_answer(arguments, outcomes, table(head, rows))


def _trend(settings: Settings, arguments: argparse.Namespace, engine: Engine) -> None:
    from greenlane.history.database import reading
    from greenlane.history.queries import trend_of_lane, trend_of_test

    since = int(time.time() // DAY) - arguments.days
    lane = arguments.lane or next(iter(settings.configuration.lanes))
    with reading(engine) as connection:
        if arguments.test:
            days = trend_of_test(connection, arguments.test, arguments.lane, since)
        else:
            days = trend_of_lane(connection, lane, since)
    if not days and not arguments.json:
        what = arguments.test or f"lane {lane}"
        print_line(f"nothing of {what} is recorded in the last {arguments.days} days")
        return
    rows = []
    for d in days:
        whole = d.passed + d.failed
        share = d.passed / whole if whole else 0.0
        counted = [f"{d.runs} runs, {d.red} red, {d.broken} broken"] if d.runs else []
        rows.append((day(d.day), f"{share:6.1%}", bar(share), f"{d.failed} of {whole} failed", f"{d.seconds:.1f} s",
                     *(counted or [""])))  # fmt: skip
    print_answer(arguments, days, table(("day (UTC)", "passed", "", "outcomes", "time", ""), rows))


def _import(settings: Settings, arguments: argparse.Namespace, engine: Engine) -> None:
    from greenlane.history.database import reading
    from greenlane.history.ingest import write_durations
    from greenlane.history.junit import read_junit
    from greenlane.history.queries import known_tests
    from greenlane.history.store import record

    tree = arguments.tree
    if tree == "current":
        tree = tree_of(settings)
    with reading(engine) as connection:
        known = {junit_key(name): name for name in known_tests(connection, arguments.lane)}
    taken = read_junit(
        [Path(name) for name in arguments.files], lane=arguments.lane, known=known, run_id=arguments.run, tree=tree,
        machine=arguments.machine,
    )  # fmt: skip
    new = 0
    if not arguments.dry_run:
        new = record(engine, [taken])
        write_durations(settings, engine)
    answer = {"run": taken.key, "tests": len(taken.tests), "new": bool(new), "dry_run": arguments.dry_run}
    state = "would be imported" if arguments.dry_run else "imported" if new else "was imported before"
    print_answer(arguments, answer, [f"{taken.key}: {len(taken.tests)} tests, {state}"])


def _export(settings: Settings, arguments: argparse.Namespace, engine: Engine) -> None:
    from greenlane.history.ingest import write_durations

    path = write_durations(settings, engine, Path(arguments.out) if arguments.out else None)
    print_answer(arguments, {"file": str(path)}, [f"written: {path}"])


def _prune(_settings: Settings, arguments: argparse.Namespace, engine: Engine) -> None:
    from greenlane.history.prune import prune

    if arguments.keep_days is None and not arguments.run:
        raise ConfigError("history prune: --keep-days N or --run ID is needed", "greenlane history prune --help")
    if arguments.keep_days is not None and arguments.keep_days < 1:
        raise ConfigError(f"--keep-days: {arguments.keep_days} is not 1 or more")
    before = 0 if arguments.keep_days is None else int(time.time() // DAY) - arguments.keep_days
    done = prune(engine, before, arguments.run, say_of(arguments), dry_run=arguments.dry_run)
    word = "would be removed" if arguments.dry_run else "removed"
    print_answer(
        arguments, done, [f"{done.runs} runs with {done.outcomes} outcomes {word}, {done.tests} tests with them"]
    )


VERBS: dict[str, Verb] = {"show": _show, "trend": _trend, "import": _import, "export": _export, "prune": _prune}
"""What each verb does; `ingest` needs no look at the database first."""
