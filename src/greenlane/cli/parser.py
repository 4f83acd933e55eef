"""The command line's parser: a word that it does not know is a configuration error like any other."""

from __future__ import annotations

import argparse
import sys
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
