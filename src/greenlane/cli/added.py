"""A command that another distribution adds: checked before it is listed, and told by its name when it fails."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from greenlane.errors import ExtensionError, GreenlaneError
from greenlane.util.extensions import Extension, load

PARTS = ("HELP", "EXAMPLES", "add_arguments", "run")


class AddedCommand:
    """A command that an entry point names.

    Raises:
        ExtensionError: it cannot be imported, lacks a part, or its options cannot be declared.
    """

    def __init__(self, extension: Extension) -> None:
        self._label = extension.label
        self._module: Any = load(extension)
        lacking = [part for part in PARTS if not hasattr(self._module, part)]
        if lacking:
            raise ExtensionError(f"{self._label} has no {', '.join(lacking)}", "see docs/extending.md")
        self.HELP, self.EXAMPLES = str(self._module.HELP), str(self._module.EXAMPLES)
        try:
            self.add_arguments(argparse.ArgumentParser(add_help=False))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ExtensionError(f"{self._label}: its options cannot be declared: {reason}") from error

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""
        self._module.add_arguments(parser)

    def run(self, arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        """Do it and return the exit code.

        Raises:
            RuntimeError: it failed as no command may; the cause is what it raised.
        """
        try:
            code = self._module.run(arguments, environ)
        except (GreenlaneError, OSError):
            raise
        except Exception as error:
            raise RuntimeError(f"{self._label} failed: {type(error).__name__}: {error}") from error
        if not isinstance(code, int):
            raise TypeError(f"{self._label} returned {code!r}, which is no exit code")
        return code
