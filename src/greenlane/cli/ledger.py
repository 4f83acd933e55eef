"""`greenlane ledger …`: what is known and excused, how it is accepted, and how it shrinks."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence

import msgspec

from greenlane.cli.context import context_of, print_answer
from greenlane.cli.parser import add_dry_run, verbs_of
from greenlane.config.load import Settings
from greenlane.errors import EXIT_NOT_READY, EXIT_READY, ConfigError
from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.ledger import CAUSES, LEDGER_FILE, Ledger
from greenlane.evidence.reader import last_run
from greenlane.history.ledger import older_file, read_ledger, write_ledger
from greenlane.judge.acceptance import Acceptance, Accepted, acceptable, gone
from greenlane.judge.excuses import kind_of
from greenlane.judge.ledger import Known, name_of, without, wrong_with
from greenlane.judge.quarantine import day_of
from greenlane.report.table import table
from greenlane.util.globs import wild
from greenlane.util.work_tree import user_name

HELP = "Show what is known and excused, accept what the last run found, and take out what is gone."
EXAMPLES = """\
  greenlane ledger show
  greenlane ledger accept --dry-run
  greenlane ledger accept 'tests/test_a.py::*' --why "the old registry, issue 12"
  greenlane ledger accept 'tests/test_tty.py::*' --cause platform=win32 --why "consoles of Windows"
  greenlane ledger tidy --dry-run"""

VERBS = {
    "show": "every entry: what it excuses, why, since when, and who accepted it",
    "accept": "excuse leaks and skips that the last run found unlisted; a skip needs a cause that holds",
    "tidy": "take out entries that excuse nothing any more, as the last run shows; quarantine.toml moves in",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their options."""
    for name, verb in verbs_of(parser, VERBS):
        if name == "accept":
            verb.add_argument("tests", nargs="*", metavar="PATTERN", help="only tests that match, as 'tests/a.py::*'")
            verb.add_argument("--why", default="", help="the reason, for whoever reads it in a year")
            verb.add_argument("--who", default="", help="who accepts it (default: git's user.name)")
            verb.add_argument("--cause", default="", metavar="NAME=VALUE", help=f"of skips: {', '.join(CAUSES)}")
        verb.add_argument("--lane", default="", help="only this lane")
        if name != "show":
            add_dry_run(verb)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what the verb says."""
    context = context_of(arguments, environ)
    settings = context.settings
    if arguments.lane:
        settings.lane(arguments.lane)
    uses = {"show": _show, "accept": _accept, "tidy": _tidy}
    return uses[arguments.verb](settings, read_ledger(settings), arguments)


def _show(settings: Settings, ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Print every entry."""
    lanes = ("", arguments.lane) if arguments.lane else ("", *settings.configuration.lanes, "broken")
    rows = [(kind_of(e), name_of(e), _need(e), e.since, e.who, e.why) for e in ledger.excuses if e.lane in lanes]
    rows += [
        ("quarantine", e.test, f"until {e.expires}", e.since, e.who or e.owner, e.why)
        for e in ledger.quarantined if e.lane in lanes
    ]  # fmt: skip
    shown = (
        table(("kind", "what", "needs", "since", "who", "why"), rows) if rows else [f"{LEDGER_FILE} excuses nothing"]
    )
    advice = [
        f"{e.dependency}: the lane could have it; add it to its groups or extras, then nox -s lock"
        for e in {e.dependency: e for e in ledger.skips if e.dependency}.values()
    ]
    older = older_file(settings)
    if older:
        advice.append(f"{older} is read, too; greenlane ledger tidy moves its entries into {LEDGER_FILE}")
    return print_answer(arguments, ledger, [*shown, *advice])


def _need(entry: Known) -> str:
    """Return the cause of a skip, as it is written."""
    return ", ".join(f"{name} {value}" for name, value in getattr(entry, "causes", ()))


def _accept(settings: Settings, ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Add entries for what the last run found; 1 when something has no cause that holds."""
    cause = _cause(arguments.cause)
    if not arguments.dry_run and not arguments.why.strip():
        raise ConfigError(
            "--why is needed: an entry says why", "greenlane ledger accept --dry-run shows what it is for"
        )
    who = arguments.who or user_name(settings.root)
    if not arguments.dry_run and not who:
        raise ConfigError("--who is needed: git knows no user.name here")
    acceptance = Acceptance(why=arguments.why or "…", since=day_of(time.time()), who=who or "…", cause=cause)
    evidence = last_run(settings, [arguments.lane] if arguments.lane else ())
    accepted = _matching(acceptable(_requirements(settings, ledger, evidence), evidence, acceptance), arguments.tests)
    new = msgspec.structs.replace(
        ledger, leaks=(*ledger.leaks, *accepted.leaks), skips=(*ledger.skips, *accepted.skips)
    )
    if problems := wrong_with(new, settings.configuration.lanes):
        raise ConfigError("\n".join(problems))
    word = "would be accepted" if arguments.dry_run else "accepted"
    added: tuple[Known, ...] = (*accepted.leaks, *accepted.skips)
    lines = [f"{name_of(e)}{f' ({_need(e)})' if _need(e) else ''}: {word}" for e in added]
    lines += [f"{nodeid}: not accepted: {problem}; --cause NAME=VALUE names one" for nodeid, problem in accepted.open]
    if not arguments.dry_run and added:
        write_ledger(settings.root, new, older_file(settings))
    print_answer(arguments, accepted, lines or ["nothing to accept: the last run found nothing that is not listed"])
    return EXIT_NOT_READY if accepted.open else EXIT_READY


def _matching(accepted: Accepted, patterns: Sequence[str]) -> Accepted:
    """Return what is about tests that a person has named."""
    if not patterns:
        return accepted

    def named(test: str) -> bool:
        return any(wild(test, pattern) for pattern in patterns)

    return Accepted(
        leaks=tuple(e for e in accepted.leaks if named(e.test)),
        skips=tuple(e for e in accepted.skips if named(e.test)),
        open=tuple(pair for pair in accepted.open if named(pair[0])),
    )


def _cause(text: str) -> tuple[str, str] | None:
    """Return a cause from the command line.

    Raises:
        ConfigError: it is none.
    """
    name, equals, value = text.partition("=")
    if not text:
        return None
    if name not in CAUSES or not equals or not value:
        raise ConfigError(f"--cause: {text!r} is not NAME=VALUE; names: {', '.join(CAUSES)}")
    return name, value


def _tidy(settings: Settings, ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Take out what is gone."""
    older = older_file(settings)
    evidence = last_run(settings, [arguments.lane] if arguments.lane else (), needed=not older)
    entries = gone(_requirements(settings, ledger, evidence), evidence)
    word = "would go" if arguments.dry_run else "gone"
    lines = [f"{name_of(entry)}: {word}" for entry in entries]
    if older:
        lines.append(f"{older}: {'would become' if arguments.dry_run else 'has become'} a part of {LEDGER_FILE}")
    if not arguments.dry_run and (entries or older):
        write_ledger(settings.root, without(ledger, entries), older)
    return print_answer(arguments, [name_of(entry) for entry in entries], lines or ["nothing to tidy"])


def _requirements(settings: Settings, ledger: Ledger, evidence: Sequence[LaneEvidence]) -> Requirements:
    """Return what the ledger is compared with: the lanes that have run."""
    lanes = settings.configuration.lanes.values()
    return Requirements(
        policy="", checks=tuple(dict.fromkeys(item.record.check for item in evidence)), ledger=ledger,
        lanes=tuple(lane.name for lane in lanes if not lane.variant_of),
        variants={lane.name: lane.variant_of for lane in lanes if lane.variant_of},
    )  # fmt: skip
