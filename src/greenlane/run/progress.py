"""How far a lane has come and what it will still take, from what its journal tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from greenlane.evidence.journal import AnyEvent, Collected, CollectError, TestFinished
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.progress import Progress

PACE = 0.02
"""Share of the work after which a lane's own pace tells more than history."""


class Tally:
    """Counts the events of one lane.

    Args:
        label: name of the check.
        durations: recorded seconds by node id; empty for no history.
        workers: processes that share the work.
    """

    def __init__(self, label: str, durations: Mapping[str, float], workers: int) -> None:
        self._label = label
        self._durations = durations
        self._mean = sum(durations.values()) / len(durations) if durations else 1.0
        self._workers = max(1, workers)
        self._selected: set[str] = set()
        self._ended: dict[str, Outcome] = {}
        self._work = self._worked = 0.0

    def add(self, events: Iterable[AnyEvent]) -> list[TestOutcome]:
        """Take events in, and return the tests that failed in them."""
        bad = []
        for event in events:
            if isinstance(event, Collected):
                new = set(event.selected) - self._selected
                self._selected |= new
                self._work += sum(map(self._expected, new))
            elif isinstance(event, TestFinished) and self._ended.get(event.nodeid) is not event.outcome:
                self._worked += self._expected(event.nodeid) if event.nodeid not in self._ended else 0.0
                self._ended[event.nodeid] = event.outcome
                if event.outcome.bad:
                    bad.append(TestOutcome(nodeid=event.nodeid, outcome=event.outcome, cause=event.cause))
            elif isinstance(event, CollectError):
                bad.append(TestOutcome(nodeid=event.nodeid, outcome=Outcome.ERROR, cause=event.cause))
        return bad

    def progress(self, elapsed: float, running: float) -> Progress:
        """Return how far the lane has come.

        Args:
            elapsed: seconds since the lane was started; running: since its first test was.
        """
        outcomes = list(self._ended.values())
        return Progress(
            label=self._label,
            selected=len(self._selected),
            done=len(outcomes),
            bad=sum(outcome.bad for outcome in outcomes),
            skipped=outcomes.count(Outcome.SKIPPED),
            elapsed=elapsed,
            left=time_left(self._work, self._worked, running, self._workers if self._durations else 0),
        )

    def _expected(self, nodeid: str) -> float:
        return self._durations.get(nodeid, self._mean)


def time_left(work: float, worked: float, running: float, workers: int) -> float | None:
    """Return the seconds that a lane will probably still take; None while nobody can know.

    Args:
        work: expected work in all, and worked: the part that is done, in the same unit.
        running: seconds since the first test.
        workers: processes that share the work, when the work is known in seconds; 0 when it is not.
    """
    if work <= 0:
        return None
    rest = max(0.0, work - worked)
    if worked >= PACE * work and running > 0:
        return rest * running / worked
    return rest / workers if workers else None
