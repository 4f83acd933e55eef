"""Keeps the quarantine: puts tests in, renews and ends entries, lets tests out on evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec
import sqlalchemy as sa

from greenlane.config.context import Context
from greenlane.errors import ConfigError
from greenlane.evidence.ledger import LEDGER_FILE
from greenlane.evidence.quarantine import Entry, FlakyTest
from greenlane.history.database import asking, reading
from greenlane.history.flake_queries import flaky
from greenlane.history.issues.draft import Drafts, IssueError, Tracker, body, marker, title
from greenlane.history.issues.github import GitHub
from greenlane.history.ledger import older_file, read_ledger, write_ledger
from greenlane.history.promotion import Promotion, promotion
from greenlane.history.queries import evidence_since
from greenlane.judge.flakes import Flake
from greenlane.judge.quarantine import day_number, day_of, ended, is_due, later, new_entry
from greenlane.util.work_tree import user_name


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A test that flaked lately or is quarantined.

    Attributes:
        flaky: what history says; None for a quarantined test that has not flaked lately.
        flakes: those of the window, oldest first.
        due: whether it should be quarantined and is not.
        ended: why its entry excuses nothing any more; empty while it does, or without one.
    """

    test: str
    lane: str
    flaky: FlakyTest | None = None
    flakes: tuple[Flake, ...] = ()
    entry: Entry | None = None
    due: bool = False
    ended: str = ""


class QuarantineManager:
    """The quarantine of one project at one moment.

    Args:
        context: whose environment may hold the token that opens issues.
        now: Unix seconds.
        dry_run: change nothing: neither the ledger nor any issue.
    """

    def __init__(self, context: Context, engine: sa.Engine, now: float, *, dry_run: bool) -> None:
        self._settings = context.settings
        self._options = context.settings.configuration.quarantine
        self._engine = engine
        self._environ = context.environ
        self._now = now
        self._say = context.say
        self._dry_run = dry_run
        self.ledger = read_ledger(self._settings)

    @property
    def today(self) -> str:
        """The day of UTC that it is."""
        return day_of(self._now)

    def known(self, lane: str = "") -> list[Known]:
        """Return every test that flaked lately or is quarantined, most flakes first."""
        with reading(self._engine) as connection:
            found = flaky(asking(connection), self._options, self.ledger, self._now)
        entries = {(entry.lane, entry.test): entry for entry in self.ledger.quarantined}
        result = []
        for flaky_test, flakes in found:
            entry = entries.pop((flaky_test.lane, flaky_test.test), None)
            due = entry is None and is_due(flaky_test, self._options)
            known = Known(test=flaky_test.test, lane=flaky_test.lane, flaky=flaky_test, flakes=flakes, due=due)
            result.append(self._with_entry(known, entry))
        result += [self._with_entry(Known(test=entry.test, lane=entry.lane), entry) for entry in entries.values()]
        return [known for known in result if not lane or known.lane == lane]

    def _with_entry(self, known: Known, entry: Entry | None) -> Known:
        return msgspec.structs.replace(known, entry=entry, ended=ended(entry, self.today)) if entry else known

    def chosen(self, tests: Collection[str], lane: str) -> list[Known]:
        """Return the named tests.

        Raises:
            ConfigError: one of them neither flaked lately nor is quarantined.
        """
        found = [known for known in self.known(lane) if known.test in tests]
        what = f"has not flaked in the last {self._options.days} days, and is not quarantined"
        _refuse_others(tests, found, what)
        return found

    def quarantine(self, tests: Collection[str], lane: str, owner: str, *, renew: bool) -> list[Entry]:
        """Put tests into the ledger, each with an issue, and return their entries.

        Args:
            tests: node ids; empty for every test that is due.
            lane: only of this lane; empty for all.
            owner: who repairs them.
            renew: give entries that are there another term.

        Raises:
            ConfigError: a named test may not be quarantined.
        """
        chosen = self.chosen(tests, lane) if tests else [known for known in self.known(lane) if known.due]
        made = [entry for known in chosen if (entry := self._entry(known, owner, renew)) is not None]
        together = {(k.lane, k.test): k.flaky.together for k in chosen if k.flaky}
        made = [self._with_issue(entry, together.get((entry.lane, entry.test), ())) for entry in made]
        self._warn(made)
        self._replace(made)
        return made

    def _entry(self, known: Known, owner: str, renew: bool) -> Entry | None:
        """Return a new entry, or one with another term; None for one that is there and stays.

        Raises:
            ConfigError: the test has not flaked often enough.
        """
        options = self._options
        if known.entry is not None and not renew:
            self._say(f"{known.test}: quarantined since {known.entry.since}, until {known.entry.expires}")
            return None
        if known.entry is not None:
            return msgspec.structs.replace(known.entry, expires=later(self.today, options.expires))
        if known.flaky is None or not known.due:
            raise ConfigError(
                f"{known.test} flaked {len(known.flakes)} times in {options.days} days; {options.flakes} are needed",
                "repair it; a test that does not flake gates",
            )
        who = user_name(self._settings.root)
        return new_entry(known.flaky, known.flakes, options, self.today, owner or options.owner, who)

    def post(self) -> list[Entry]:
        """Open the issues of entries that have none but a file, where that can be done now; return those entries."""
        if self._github() is None:
            return []
        drafts = [entry for entry in self.ledger.quarantined if "://" not in entry.issue]
        posted = [self._with_issue(entry, ()) for entry in drafts]
        posted = [entry for entry in posted if "://" in entry.issue]
        self._replace(posted)
        return posted

    def _warn(self, entries: Sequence[Entry]) -> None:
        """Say where an entry excuses nothing."""
        lanes = self._settings.configuration.lanes
        for entry in entries:
            kind = lanes[entry.lane].kind if entry.lane in lanes else None
            if kind is None or kind not in self._options.kinds:
                kind_name = kind.value if kind else "unknown"
                self._say(
                    f"WARNING: {entry.test}: a failure in a {kind_name} lane gates all the same (quarantine.kinds)"
                )

    def _with_issue(self, entry: Entry, together: Sequence[str]) -> Entry:
        """Return an entry with the address of its issue; a file stands in for one that cannot be opened."""
        if self._dry_run or "://" in entry.issue:
            return entry
        try:
            tracker: Tracker | None = self._github()
        except IssueError as error:
            self._say(f"WARNING: {error.message}")
            tracker = None
        drafts = Drafts(self._settings.root, self._options.drafts)
        text = (marker(entry), title(entry), body(entry, together))
        if tracker is not None:
            try:
                return msgspec.structs.replace(entry, issue=tracker.open(*text))
            except IssueError as error:
                self._say(f"WARNING: {error.message}; the issue is kept as a file")
        return msgspec.structs.replace(entry, issue=entry.issue or drafts.open(*text))

    def _github(self) -> GitHub | None:
        """Return GitHub where a repository and a token are there."""
        token = self._environ.get(self._options.token, "").strip()
        if not self._options.repository or not token:
            return None
        return GitHub(self._options.api, self._options.repository, token)

    def promotions(self, tests: Collection[str], lane: str, since: str) -> list[tuple[Entry, Promotion]]:
        """Return for each named quarantined test whether it may gate again, with the arithmetic.

        Args:
            since: count from this day on, the day of the repair; empty for the day after the entry's, because the
                flakes that led to it are no evidence of what came later.

        Raises:
            ConfigError: a test is not quarantined, or the day is before its entry.
        """
        entries = [e for e in self.ledger.quarantined if e.test in tests and (not lane or e.lane == lane)]
        _refuse_others(tests, entries)
        result = []
        with reading(self._engine) as connection:
            for entry in entries:
                first = since or later(entry.since, 1)
                if first < entry.since:
                    raise ConfigError(f"--since: {first} is before {entry.since}, when {entry.test} was quarantined")
                passes, failures, days = evidence_since(connection, entry.lane, entry.test, day_number(first))
                result.append((entry, promotion(first, passes, failures, days, self._options)))
        return result

    def expired(self, tests: Collection[str], lane: str) -> list[Entry]:
        """Return the named entries, or (empty) those past their date.

        Raises:
            ConfigError: a named test is not quarantined.
        """
        own = [entry for entry in self.ledger.quarantined if not lane or entry.lane == lane]
        if not tests:
            return [entry for entry in own if entry.expires < self.today]
        _refuse_others(tests, own)
        return [entry for entry in own if entry.test in tests]

    def remove(self, entries: Collection[Entry]) -> None:
        """Take entries out of the ledger: their tests gate again."""
        left = tuple(entry for entry in self.ledger.quarantined if entry not in entries)
        self._write(left)

    def _replace(self, entries: Sequence[Entry]) -> None:
        """Put entries into the ledger, in the place of those of the same tests."""
        new = {(entry.lane, entry.test): entry for entry in (*self.ledger.quarantined, *entries)}
        self._write(tuple(new.values()))

    def _write(self, entries: tuple[Entry, ...]) -> None:
        """Write the ledger when it differs, and this is no dry run."""
        if entries != self.ledger.quarantined and not self._dry_run:
            older = older_file(self._settings)
            self.ledger = msgspec.structs.replace(self.ledger, quarantined=entries)
            write_ledger(self._settings.root, self.ledger, older)
            if older:
                self._say(f"{older} has become a part of {LEDGER_FILE}: commit both")


def _refuse_others(tests: Collection[str], known: Iterable[Known | Entry], what: str = "is not quarantined") -> None:
    """Raise a ConfigError that names each test which is none of the known ones."""
    if missing := sorted(set(tests) - {one.test for one in known}):
        raise ConfigError("\n".join(f"{test} {what}" for test in missing), "greenlane flakes list")
