"""The command line's parser: a word that it does not know is a configuration error like any other."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from greenlane.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Parses words, and says what was wrong with them in the form of every other mistake.

    Args:
        advice: the step to take next, for words that it does not know; empty shows the way to the help.
        options: those of `argparse.ArgumentParser`.
    """

    def __init__(self, *, advice: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._advice = advice

    def error(self, message: str) -> NoReturn:
        """Print usage, mistake and next step, and end with exit code 2.

        Raises:
            SystemExit: always.
        """
        mistake = UsageError(f"{self.prog}: {message}", self._advice or f"{self.prog} --help")
        self.print_usage(sys.stderr)
        self.exit(mistake.exit_code, "\n".join(mistake.lines()) + "\n")


def verbs_of(
    parser: argparse.ArgumentParser, summaries: Mapping[str, str]
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Declare the verbs of a command, and yield each with the grammar of its words; all of them have `--json`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, summary in summaries.items():
        verb = verbs.add_parser(name, help=summary, description=summary)
        yield name, verb
        verb.add_argument("--json", action="store_true", help="print JSON")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Declare the option of what changes something."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
