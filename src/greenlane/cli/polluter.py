"""`greenlane polluter NODEID`: find what makes a test fail only after others."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from greenlane.adopt.bare import bare_context
from greenlane.cli.context import print_answer, print_line
from greenlane.errors import EXIT_CONFIG, EXIT_INTERNAL, EXIT_NOT_READY, EXIT_READY
from greenlane.evidence.journal import Leaked
from greenlane.evidence.search import Conclusion, Findings
from greenlane.polluter.evidence import by_evidence, evidence, lane_of
from greenlane.polluter.find import make_job, replay, search
from greenlane.polluter.suspects import Traces
from greenlane.run.gates import open_gates

HELP = "Find the smallest set of tests after which a test fails, name what they leave behind, and show how to see it."
EXAMPLES = (
    "  greenlane polluter tests/test_b.py::test_headers\n"
    "  greenlane polluter tests/test_b.py::test_headers --fresh --json\n"
    "  greenlane polluter tests/test_b.py::test_headers --after tests/test_a.py::test_tools"
)

EXITS = {
    Conclusion.POLLUTED: EXIT_READY,
    Conclusion.NEEDS_HELPER: EXIT_READY,
    Conclusion.UNKNOWN: EXIT_CONFIG,
}
"""Exit code of a conclusion; 1 where there is no set of tests to be named."""

REPLAYED = {0: EXIT_READY, 1: EXIT_NOT_READY, 3: EXIT_INTERNAL}
"""Exit code by the status of pytest; others mean that it could not run what was named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("victim", metavar="NODEID", help="the test that fails, as pytest names it")
    parser.add_argument("--lane", default="", help="lane whose environment and tests are used (default: the test's)")
    parser.add_argument("--seed", type=int, help="try the tests in the random order of this seed (default: file order)")
    parser.add_argument("--fresh", action="store_true", help="search even where the last run's evidence has the answer")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON, and no progress")
    parser.add_argument(
        "--after", action="append", default=[], metavar="NODEID",
        help="search nothing: run these tests, then the victim, in one process; exit 1 when it fails",
    )  # fmt: skip


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Find, or show again; 0 when tests can be named, 1 when not."""
    say = partial(print, file=sys.stderr, flush=True) if arguments.json else print_line
    context, interpreter = bare_context(Path(arguments.project), environ, say)
    settings = context.settings
    victim: str = arguments.victim
    lane = lane_of(settings, victim, arguments.lane)
    job = make_job(context, lane, open_gates(context), interpreter)
    if arguments.after:
        status = replay(job, (*arguments.after, victim))
        return REPLAYED.get(status, EXIT_CONFIG)
    traces = Traces() if arguments.fresh else evidence(settings, lane, victim)
    findings = by_evidence(traces, victim)
    if findings is None:
        findings = search(job, victim, traces, arguments.seed, quiet=arguments.json)
    command = _command(arguments, lane.name, findings)
    shown = {**msgspec.to_builtins(findings), "reproduce": shlex.join(command) if findings.tests else ""}
    print_answer(arguments, shown, _lines(findings, command))
    return EXITS.get(findings.conclusion, EXIT_NOT_READY)


def _command(arguments: argparse.Namespace, lane: str, findings: Findings) -> list[str]:
    """Return the command line that shows the finding, as this one was called."""
    program = Path(sys.argv[0])
    called = [program.name] if program.name == "greenlane" else [sys.executable, "-P", "-m", "greenlane"]
    project = [] if arguments.project == "." else ["--project", os.path.abspath(arguments.project)]
    named = ["--lane", lane] if arguments.lane else []
    after = [word for test in findings.tests for word in ("--after", test)]
    victim = [findings.victim]
    return [*called, "polluter", *project, *named, *victim, *after]


def _lines(findings: Findings, command: Sequence[str]) -> Iterator[str]:
    """Yield what was found, as lines."""
    yield from _conclusion(findings)
    for test in findings.tests:
        yield f"  {test}"
    if findings.cause:
        yield f"CAUSE: {findings.victim} — {findings.cause}"
    yield from _leaks(findings)
    if findings.tests:
        yield f"reproduce: {shlex.join(command)}"
    for note in findings.notes:
        yield f"note: {note}"


def _conclusion(findings: Findings) -> Iterator[str]:
    """Yield what is wrong with the victim, in a sentence or two."""
    victim, count = findings.victim, len(findings.tests)
    if findings.conclusion is Conclusion.POLLUTED:
        how = f"{findings.ran} tests run" if findings.ran else "no test run: the leak guard saw it in the last run"
        yield f"{victim} fails after {'this test' if count == 1 else f'these {count} tests together'} ({how}):"
    elif findings.conclusion is Conclusion.NEEDS_HELPER:
        what = "this test" if count == 1 else f"these {count} tests"
        yield f"{victim} fails alone, and needs a helper: it passes only after {what} ({findings.ran} tests run):"
    elif findings.conclusion is Conclusion.FAILS_ALONE:
        yield f"{victim} fails alone, and after every other test: nothing pollutes it, it is broken by itself"
    elif findings.conclusion is Conclusion.NEVER_FAILS:
        yield f"{victim} passes alone and after {findings.candidates} other tests in this order; try --seed N"
    elif findings.conclusion is Conclusion.UNSTABLE:
        yield f"{victim} does not depend on other tests alone: the same tests made it fail once, and pass once"
        yield "  look for time, randomness, or state that outlives a process: files, services, databases"
    else:
        yield f"CONFIG_ERROR: no test of the lane is called {victim}"
        yield f"  next: {'did you mean ' + ', '.join(findings.near) if findings.near else 'see pytest --collect-only'}"


def _leaks(findings: Findings) -> Iterator[str]:
    """Yield what the named tests leave behind, and whether that is it."""
    for leak in findings.leaks:
        yield _leak(leak)
        if findings.conclusion is Conclusion.POLLUTED:
            yield f"  {leak.advice}"
    if not findings.tests:
        return
    if not findings.leaks:
        yield "the leak guard sees nothing that is left behind: look outside of Python, or name packages in leaks.watch"
    elif findings.cured is not None:
        how = "is it" if findings.cured else "is not all of it"
        yield f"that {how}: {findings.victim} {_restored(findings)} when it is put back"


def _restored(findings: Findings) -> str:
    """Return how the victim ends when everything that the leak guard sees is put back."""
    return "passes" if findings.cured is (findings.conclusion is Conclusion.POLLUTED) else "fails"


def _leak(leak: Leaked) -> str:
    """Return a leak in one line."""
    where = f" at {leak.where}" if leak.where else ""
    owner = f" by {leak.owner}" if leak.owner else ""
    name = leak.what if leak.what == leak.watcher else f"{leak.watcher} {leak.what}"
    return f"LEAK {name} from {leak.before} to {leak.after}{where}{owner}"
