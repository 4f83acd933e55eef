"""What a migration reads and makes: checks of a legacy list, lanes, sessions, findings."""

from __future__ import annotations

import enum

import msgspec

from greenlane.config.lanes import Address


class Level(enum.StrEnum):
    """What became of the thing that was found, the worst first."""

    LEFT = "LEFT"
    WARNING = "WARNING"
    NOTE = "NOTE"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was noticed about a check.

    Attributes:
        line: of the legacy list; check: its name there, empty for the list itself.
        level: `LEFT` for what was not translated, `WARNING` for what means something else now, `NOTE` for the rest.
        message: what it is, and what became of it.
    """

    line: int
    check: str
    level: Level
    message: str


class Findings:
    """Collects what is noticed about one check.

    Args:
        found: where findings go, of all checks; check: the name of this one.
    """

    def __init__(self, found: list[Finding], check: str) -> None:
        self._found = found
        self._check = check

    def left(self, line: int, message: str) -> None:
        """Add what was not translated."""
        self._add(line, Level.LEFT, message)

    def warn(self, line: int, message: str) -> None:
        """Add what means something else now."""
        self._add(line, Level.WARNING, message)

    def note(self, line: int, message: str) -> None:
        """Add what was put right or has another place."""
        self._add(line, Level.NOTE, message)

    def _add(self, line: int, level: Level, message: str) -> None:
        finding = Finding(line=line, check=self._check, level=level, message=message)
        if finding not in self._found:
            self._found.append(finding)


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """Shell text of a check.

    Attributes:
        text: as it is written; line: of the list, of its first line.
        block: whether the lines of the text are lines of the list.
    """

    text: str
    line: int
    block: bool = True


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the list, with types that hold.

    Attributes:
        line: of the list; name: as it is written.
        timeout: seconds, None for none said.
        env: value by name, None for one that is passed on.
        live: whether it calls live providers; expect: whether it must run and pass; optional: whether it gates nothing.
        comments: what a lane has no key for, one line each.
    """

    line: int
    name: str
    scripts: tuple[Script, ...]
    timeout: float | None = None
    env: dict[str, str | None] = {}
    live: bool = False
    expect: bool = False
    optional: bool = False
    comments: tuple[str, ...] = ()


class LaneDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as it will be written.

    Attributes:
        line: of the check that it comes from; check: that check's name.
        table: as in `[tool.greenlane.lanes.<name>]`.
        expect: whether it must run and pass; optional: whether it gates nothing.
        comments: what it has no key for, one line each.
    """

    line: int
    check: str
    table: dict[str, object]
    expect: bool = False
    optional: bool = False
    comments: tuple[str, ...] = ()


class SessionDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A nox session for commands that run no tests.

    Attributes:
        runs: argument vectors, in order; env: variables that are set for each.
        comments: as of a lane.
    """

    runs: tuple[tuple[str, ...], ...]
    env: dict[str, str]
    comments: tuple[str, ...] = ()


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """What a list becomes.

    Attributes:
        lanes, sessions: by name.
        providers: table of each live provider that is not declared yet, as in `[tool.greenlane.providers]`.
        policies: table of each policy that the lanes need, as in `[tool.greenlane.policies]`.
        address: the one base, where the project has none and the checks name one.
        checks: how many entries the list had; comments: what stood beside them, one line each.
    """

    lanes: dict[str, LaneDraft]
    sessions: dict[str, SessionDraft]
    providers: dict[str, dict[str, object]]
    policies: dict[str, dict[str, object]]
    findings: tuple[Finding, ...]
    checks: int
    comments: tuple[str, ...] = ()
    address: Address | None = None

    @property
    def left(self) -> int:
        """How many things were not translated."""
        return sum(finding.level is Level.LEFT for finding in self.findings)
