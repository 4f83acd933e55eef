"""What failed or never ran last time, for whoever repairs it."""

from __future__ import annotations

import time

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.reader import collect


class LastTime(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of a lane or shard.

    Attributes:
        failed: tests that failed, and files that could not be imported; unfinished: tests that have no outcome.
        collected: how many tests the lane has.
        ended: Unix seconds.
    """

    failed: tuple[str, ...]
    unfinished: tuple[str, ...]
    collected: int
    ended: float

    @property
    def tests(self) -> tuple[str, ...]:
        """Node ids of what is repeated, what failed first."""
        return tuple(dict.fromkeys((*self.failed, *self.unfinished)))

    def line(self, label: str) -> str:
        """Return what is repeated, and what that cannot show."""
        rest = max(self.collected - len(self.tests), 0)
        return (
            f"{label}: repeats {len(self.failed):,} that failed and {len(self.unfinished):,} that never ended at "
            f"{time.strftime('%H:%M', time.localtime(self.ended))}; a whole run still has to show the other {rest:,}"
        )


def last_time(settings: Settings, lane: Lane, shard: str = "") -> LastTime:
    """Return what failed or never ran in the last run of a lane or shard.

    Raises:
        ConfigError: there was no run, or nothing of it has to be repeated.
    """
    label = f"{lane.name}/{shard}" if shard else lane.name
    folder = settings.root / settings.configuration.artifacts / lane.name / shard
    whole = f"nox -s {lane.name}" + (f" -- {shard}" if shard else "")
    if not folder.is_dir():
        raise ConfigError(f"--failed: no run of {label} is known", f"run the whole of it: {whole}")
    evidence = collect(folder)
    journal, result = evidence.journal, evidence.record.result
    ended = {test.nodeid for test in journal.outcomes}
    found = LastTime(
        failed=tuple(test.nodeid for test in (*journal.collect_errors, *journal.outcomes) if test.outcome.bad),
        unfinished=tuple(test for test in journal.selected if test not in ended),
        collected=len(journal.collected),
        ended=result.finished_at,
    )
    if not found.tests:
        raise ConfigError(f"--failed: nothing failed in the last run of {label}", f"run the whole of it: {whole}")
    return found
