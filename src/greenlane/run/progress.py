"""How far a lane has come and what it will still take, from its journal, which is followed for those who watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from greenlane.evidence.journal import AnyEvent, Collected, CollectError, TestFinished, TestStarted
from greenlane.evidence.journal_reader import JournalReader
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.progress import Progress, ProgressListener
from greenlane.run.expected import read_durations
from greenlane.run.job import LaneJob
from greenlane.supervisor.plan import Plan
from greenlane.util.redaction import Redactor

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


@contextmanager
def watched(job: LaneJob, plan: Plan, workers: int) -> Iterator[Callable[[bytes], None] | None]:
    """Tell the watcher of a request how its lane comes along, as long as the context lasts.

    Args:
        job: what is run; plan: where its journal is, and which values must not be shown.
        workers: processes that share the work.

    Yields:
        Where each line of the lane's output must go; None when it goes straight to standard output.
    """
    listener = job.listener
    if not listener.period:
        yield None
        return
    recorded = read_durations(job.settings).get(job.lane.name, {})
    # What a failure says is shown at once, before the artifacts are cleaned: so it is cleaned here.
    journal = JournalReader(Path(plan.journal), Redactor(plan.secrets).clean)
    look = _Look(listener, journal, Tally(plan.label, recorded, workers), plan.label)
    over = threading.Event()
    thread = threading.Thread(target=look.until, args=(over,), daemon=True)
    listener.began(plan.label)
    thread.start()
    try:
        yield listener.line if listener.carries else None
    finally:
        over.set()
        thread.join()
        listener.ended(look.once())


class _Look:
    """Looks at a lane again and again."""

    def __init__(self, listener: ProgressListener, journal: JournalReader, tally: Tally, label: str) -> None:
        self._listener = listener
        self._journal = journal
        self._tally = tally
        self._label = label
        self._began = time.monotonic()
        self._first = 0.0

    def until(self, over: threading.Event) -> None:
        """Look once a period until it is over."""
        while not over.wait(self._listener.period):
            self._listener.progress(self.once())

    def once(self) -> Progress:
        """Look once."""
        events = self._journal.read()
        now = time.monotonic()
        if not self._first and any(isinstance(event, TestStarted) for event in events):
            self._first = now
        for test in self._tally.add(events):
            self._listener.failed(self._label, test)
        return self._tally.progress(now - self._began, now - self._first if self._first else 0.0)
