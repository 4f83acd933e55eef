"""`greenlane flakes …`: tests that both passed and failed on the same tree, and their quarantine."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from greenlane.cli.context import context_of, print_answer, say_of
from greenlane.cli.history import needed
from greenlane.cli.parser import add_dry_run, verbs_of
from greenlane.errors import EXIT_NOT_READY, EXIT_READY, ConfigError
from greenlane.judge.quarantine import is_day, moment_of, stamp
from greenlane.report.table import table

if TYPE_CHECKING:
    from greenlane.history.quarantine_manager import Known, QuarantineManager

HELP = "Look at flaky tests, put them into quarantine, and let them out on evidence."
EXAMPLES = """\
  greenlane flakes list
  greenlane flakes show tests/nd/test_a.py::test_one
  greenlane flakes quarantine --dry-run
  greenlane flakes quarantine tests/nd/test_a.py::test_one --owner ann
  greenlane flakes promote tests/nd/test_a.py::test_one
  greenlane flakes expire"""

VERBS = {
    "list": "tests that flaked lately, and those in quarantine",
    "show": "the flakes of one test, with their evidence",
    "quarantine": "put tests into the ledger, each with an issue: those that are due, or the named ones",
    "promote": "let tests gate again, when enough passes prove it; shows the arithmetic",
    "expire": "end entries: those past their date, or the named ones; their tests gate again",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their options."""
    for name, verb in verbs_of(parser, VERBS):
        if name != "list":
            many = {"show": None, "promote": "+"}.get(name, "*")
            verb.add_argument("tests", nargs=many, metavar="NODEID", help="node id of a test")
        verb.add_argument("--lane", default="", help="only tests of this lane")
        verb.add_argument("--at", default="", metavar="TIME", help="as seen at another time, UTC (default: now)")
        add_dry_run(verb)
        if name == "quarantine":
            verb.add_argument("--owner", default="", help="who repairs them (default: quarantine.owner)")
            verb.add_argument("--renew", action="store_true", help="give named entries another term")
        if name == "promote":
            verb.add_argument(
                "--since", default="", metavar="DAY", help="the day of the repair (default: after the entry's)"
            )


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Open history and ledger and do what the verb says; 1 when a promotion is refused."""
    context = context_of(arguments, environ, say_of(arguments))
    needed()
    now = _moment(arguments.at)
    from greenlane.history.ingest import opened
    from greenlane.history.quarantine_manager import QuarantineManager

    manager = QuarantineManager(context, opened(context), now, dry_run=arguments.dry_run)
    uses: dict[str, Callable[[QuarantineManager, argparse.Namespace], int]] = {
        "list": _list, "show": _show, "quarantine": _quarantine, "promote": _promote, "expire": _expire,
    }  # fmt: skip
    return uses[arguments.verb](manager, arguments)


def _moment(text: str) -> float:
    """Return the time that is asked for, or now, as Unix seconds.

    Raises:
        ConfigError: it is no time.
    """
    try:
        return moment_of(text) if text else time.time()
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"--at: {text!r} is no time such as 2026-01-31 or 2026-01-31T12:00:00Z") from error


def _state(known: Known) -> str:
    """Return where a test stands, in a word or two."""
    if known.entry is None:
        return "due" if known.due else "watched"
    return f"ended: {known.ended}" if known.ended else f"quarantined until {known.entry.expires}"


def _list(manager: QuarantineManager, arguments: argparse.Namespace) -> int:
    known = manager.known(arguments.lane)
    rows = []
    for k in known:
        flakes, runs, bad = (len(k.flakes), k.flaky.runs, k.flaky.failures) if k.flaky else (0, 0, 0)
        share = f"{bad / runs:.1%}" if runs else "-"
        together = f"with {len(k.flaky.together)} others" if k.flaky and k.flaky.together else ""
        rows.append((k.test, k.lane, str(flakes), str(runs), share, _state(k), together))
    head = ("test", "lane", "flakes", "runs", "failed", "state", "fails together")
    lines = table(head, rows) if rows else ["no test flaked lately, and none is quarantined"]
    return print_answer(arguments, known, lines)


def _show(manager: QuarantineManager, arguments: argparse.Namespace) -> int:
    found = manager.chosen([arguments.tests], arguments.lane)
    lines: list[str] = []
    for known in found:
        lines += [f"{known.test} in {known.lane}: {_state(known)}"]
        if known.flaky:
            lines.append(f"  {len(known.flakes)} flakes, {known.flaky.failures} failures in {known.flaky.runs} runs")
        for flake in known.flakes:
            where = f" at {', '.join(flake.machines)}" if flake.machines else ""
            lines.append(f"  {stamp(flake.at)}: {' and '.join(flake.runs)} on tree {flake.tree[:12]}{where}")
            lines += [f"    {flake.cause}"] if flake.cause else []
        if known.flaky and known.flaky.together:
            lines += ["  fails together with:", *(f"    {test}" for test in known.flaky.together)]
        if known.entry:
            lines.append(f"  owner {known.entry.owner or 'nobody'}, issue {known.entry.issue or 'none'}")
    return print_answer(arguments, found, lines)


def _quarantine(manager: QuarantineManager, arguments: argparse.Namespace) -> int:
    made = manager.quarantine(arguments.tests, arguments.lane, arguments.owner, renew=arguments.renew)
    posted = [] if arguments.dry_run else manager.post()
    word = "would be quarantined" if arguments.dry_run else "quarantined"
    lines = [f"{e.test}: {word} until {e.expires}, issue {e.issue or 'to be opened'}" for e in made]
    lines += [f"{e.test}: issue {e.issue}" for e in posted]
    return print_answer(arguments, [*made, *posted], lines or ["nothing to do"])


def _promote(manager: QuarantineManager, arguments: argparse.Namespace) -> int:
    if arguments.since and not is_day(arguments.since):
        raise ConfigError(f"--since: {arguments.since!r} is not a day such as 2026-01-31")
    answers = manager.promotions(arguments.tests, arguments.lane, arguments.since)
    granted = [entry for entry, answer in answers if answer.granted]
    manager.remove(granted)
    lines: list[str] = []
    for entry, answer in answers:
        word = ("would be promoted" if arguments.dry_run else "promoted") if answer.granted else "not promoted"
        lines += [f"{entry.test} in {entry.lane}: {word}", *(f"  {line}" for line in answer.arithmetic)]
        lines += [f"  close {entry.issue}"] if answer.granted and entry.issue else []
    listed = [
        {"test": e.test, "lane": e.lane, "granted": a.granted, **msgspec.to_builtins(a), "arithmetic": a.arithmetic}
        for e, a in answers
    ]
    print_answer(arguments, listed, lines)
    return EXIT_READY if len(granted) == len(answers) else EXIT_NOT_READY


def _expire(manager: QuarantineManager, arguments: argparse.Namespace) -> int:
    entries = manager.expired(arguments.tests, arguments.lane)
    manager.remove(entries)
    word = "would gate again" if arguments.dry_run else "gates again"
    lines = [f"{entry.test} in {entry.lane}: {word}, its entry ended on {entry.expires}" for entry in entries]
    return print_answer(arguments, entries, lines or ["no entry is past its date"])
