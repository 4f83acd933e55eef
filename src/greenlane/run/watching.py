"""Follows the journal of a lane while it runs, for those who watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from greenlane.evidence.journal import TestStarted
from greenlane.evidence.journal_reader import JournalReader
from greenlane.evidence.progress import Progress, ProgressListener
from greenlane.run.expected import read_durations
from greenlane.run.job import LaneJob
from greenlane.run.progress import Tally
from greenlane.supervisor.plan import Plan
from greenlane.util.redaction import Redactor


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
