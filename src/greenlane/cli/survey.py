"""`greenlane survey`: run a suite observing, and say where each test belongs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from greenlane.adopt.bare import bare_context
from greenlane.adopt.order import order_lines, polluters
from greenlane.adopt.placement import order_dependent, place
from greenlane.adopt.summary import missing_modules, placement_lines, proposals
from greenlane.adopt.survey import forget, survey
from greenlane.cli.context import print_line
from greenlane.cli.init_options import add_seed, add_workers
from greenlane.config.context import Context, silent
from greenlane.config.lanes import Lane
from greenlane.errors import EXIT_READY, ConfigError
from greenlane.history.ledger import read_ledger
from greenlane.report.lines import clean
from greenlane.run.claims import claims_of

HELP = "Run the suite three times, only looking, and say which lane each test belongs to; nothing is changed."
EXAMPLES = """\
  greenlane survey
  greenlane survey --json
  cd somewhere-with-tests && greenlane survey"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_workers(parser)
    add_seed(parser)
    parser.add_argument("--json", action="store_true", help="print JSON for a script, and no progress")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Observe and propose; a folder without configuration is surveyed with this very interpreter."""
    quiet = bool(arguments.json)
    context, interpreter = bare_context(Path(arguments.project), environ, silent if quiet else print_line)
    lane = _whole(context)
    # All of the suite, whichever lane has it.
    alone = msgspec.structs.replace(context.settings.configuration, lanes={lane.name: lane})
    whole = Context(msgspec.structs.replace(context.settings, configuration=alone), environ, context.say)
    seen = survey(whole, lane, interpreter, arguments.workers, arguments.seed)
    forget(context.settings)
    placed = place(seen.observed)
    disturbed = order_dependent(seen.observed)
    if quiet:
        shown = {"placed": placed, "order": disturbed, "seed": seen.seed, "seconds": seen.seconds}
        print_line(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
        return EXIT_READY
    lines: list[str] = [*missing_modules(seen), *placement_lines(placed)]
    lines += order_lines(disturbed, polluters(whole, lane, disturbed, seen, interpreter))
    if not interpreter:
        lanes = context.settings.configuration.lanes
        claims = claims_of(context.settings, read_ledger(context.settings))
        kinds = {name: one.kind.value for name, one in lanes.items()}
        lines += proposals(placed, claims, kinds, seen.observed.first.marks)
    for line in lines:
        print_line(clean(line))
    return EXIT_READY


def _whole(context: Context) -> Lane:
    """Return a lane that has the tests of every lane, in the environment of the first deterministic one.

    Raises:
        ConfigError: there is no deterministic lane.
    """
    lanes = [lane for lane in context.settings.configuration.lanes.values() if not lane.variant_of]
    fixed = next((lane for lane in lanes if lane.deterministic), None)
    if fixed is None:
        raise ConfigError("no lane is deterministic, so there is no environment to look at the suite in")
    tests = dict.fromkeys(_outermost([test for lane in lanes for test in lane.tests]))
    return msgspec.structs.replace(fixed, tests=tuple(tests), marks="", exclude=())


def _outermost(tests: list[str]) -> Iterator[str]:
    """Yield the places that lie in no other: pytest would run what is named twice only once, but out of order."""
    for test in tests:
        path = Path(test.split("::")[0])
        if not any(Path(other) in path.parents for other in tests):
            yield test
