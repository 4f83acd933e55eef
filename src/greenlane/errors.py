"""One tree of expected failures; each class has an exit code and a next step.

Anything that is not in this tree is a bug and ends with exit code 3 and a log.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_READY = 0
EXIT_NOT_READY = 1
EXIT_CONFIG = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130


class GreenlaneError(Exception):
    """An expected failure.

    Args:
        message: what was wrong and where, in one line.
        next_step: what the user can do about it, in one line; empty for none.
        detail: what another program said about it, in any number of lines.
    """

    exit_code: ClassVar[int] = EXIT_INTERNAL
    label: ClassVar[str] = "ERROR"

    def __init__(self, message: str, next_step: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.detail = detail

    def lines(self) -> list[str]:
        """Return what is printed: the labelled message, the detail, then the next step when there is one."""
        shown = [f"{self.label}: {line}" for line in self.message.splitlines() or [""]]
        shown += [f"  | {line}" for line in self.detail.splitlines()]
        return [*shown, f"  next: {self.next_step}"] if self.next_step else shown


class ConfigError(GreenlaneError):
    """The configuration, the environment or the command line asks for something impossible."""

    exit_code = EXIT_CONFIG
    label = "CONFIG_ERROR"


class UnreachableIndexError(ConfigError):
    """No package index answered an installation."""


class UsageError(ConfigError):
    """A command was called with words that it does not know."""


class EnvironmentBuildError(GreenlaneError):
    """A lane environment could not be built from its lock."""

    exit_code = EXIT_NOT_READY
    label = "DRIFT"


class ExtensionError(ConfigError):
    """Something that another distribution adds is not what it must be."""


class Interrupted(GreenlaneError):
    """The user or the system asked us to stop (Ctrl-C, TERM)."""

    exit_code = EXIT_INTERRUPTED
    label = "INTERRUPTED"
