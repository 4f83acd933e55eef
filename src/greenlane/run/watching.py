"""Follows the journal of a lane while it runs, for those who watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from greenlane.evidence.journal import AnyEvent, TestStarted
from greenlane.evidence.progress import Progress, Watcher
from greenlane.evidence.reader import UNREADABLE
from greenlane.run.planning import read_durations
from greenlane.run.progress import Tally
from greenlane.run.request import Request
from greenlane.supervisor.plan import Plan
from greenlane.util.redaction import MARK, SHORTEST, spellings


class JournalTail:
    """Reads what has come to a journal since the last look.

    Args:
        path: the journal; it may not be there yet.
        secrets: values that must not be shown, by name.
    """

    def __init__(self, path: Path, secrets: Mapping[str, str]) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._decode = msgspec.json.Decoder(AnyEvent).decode
        values = [value for value in secrets.values() if len(value.strip()) >= SHORTEST]
        self._forms = sorted({form for value in values for form in spellings(value)}, key=len, reverse=True)

    def read(self) -> list[AnyEvent]:
        """Return the events of the lines that are whole by now; the judge, not we, tells of damaged ones."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return []
        self._offset += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        return [event for line in lines if (event := self._event(line)) is not None]

    def _event(self, line: bytes) -> AnyEvent | None:
        for form in self._forms:
            line = line.replace(form, MARK)
        try:
            event: AnyEvent = self._decode(line)
            return event
        except UNREADABLE:
            return None


@contextmanager
def watched(request: Request, plan: Plan, workers: int) -> Iterator[Callable[[bytes], None] | None]:
    """Tell the watcher of a request how its lane comes along, as long as the context lasts.

    Args:
        request: what is run; plan: where its journal is, and which values must not be shown.
        workers: processes that share the work.

    Yields:
        Where each line of the lane's output must go; None when it goes straight to standard output.
    """
    watcher = request.watcher
    if not watcher.period:
        yield None
        return
    recorded = read_durations(request.settings).get(request.lane.name, {})
    look = _Look(
        watcher, JournalTail(Path(plan.journal), plan.secrets), Tally(plan.label, recorded, workers), plan.label
    )
    over = threading.Event()
    thread = threading.Thread(target=look.until, args=(over,), daemon=True)
    watcher.began(plan.label)
    thread.start()
    try:
        yield watcher.line if watcher.carries else None
    finally:
        over.set()
        thread.join()
        watcher.ended(look.once())


class _Look:
    """Looks at a lane again and again."""

    def __init__(self, watcher: Watcher, tail: JournalTail, tally: Tally, label: str) -> None:
        self._watcher = watcher
        self._tail = tail
        self._tally = tally
        self._label = label
        self._began = time.monotonic()
        self._first = 0.0

    def until(self, over: threading.Event) -> None:
        """Look once a period until it is over."""
        while not over.wait(self._watcher.period):
            self._watcher.progress(self.once())

    def once(self) -> Progress:
        """Look once."""
        events = self._tail.read()
        now = time.monotonic()
        if not self._first and any(isinstance(event, TestStarted) for event in events):
            self._first = now
        for test in self._tally.add(events):
            self._watcher.failed(self._label, test)
        return self._tally.progress(now - self._began, now - self._first if self._first else 0.0)
