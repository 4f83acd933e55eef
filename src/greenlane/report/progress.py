"""Progress on a screen: a moving one where there is a terminal and rich, plain lines elsewhere."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from greenlane.evidence.outcome import TestOutcome
from greenlane.evidence.progress import Progress, ProgressListener
from greenlane.report.lines import clean

FIRST = 10
"""Failures of a run that are told as they happen; a suite that is all broken need not say so a thousand times."""

STEP = 5.0
"""Seconds between two plain lines at least; a shorter lane has none."""


class Plain(ProgressListener):
    """One line at a time, so that a log can be searched: progress now and then, failures at once.

    Args:
        clock: seconds that only go up.
        step: seconds between two lines of progress at least.
    """

    period = 0.5

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic, step: float = STEP
    ) -> None:
        self._say = say
        self._clock = clock
        self._step = step
        self._last = 0.0
        self._counts = (0, 0)
        self._failures = Failures()

    def began(self, label: str) -> None:
        self._last, self._counts = self._clock(), (0, 0)

    def failed(self, label: str, test: TestOutcome) -> None:
        line = self._failures.line(label, test)
        if line:
            self._say(line)

    def progress(self, progress: Progress) -> None:
        now, counts = self._clock(), (progress.done, progress.bad)
        if now - self._last >= self._step and counts != self._counts and progress.selected:
            self._last, self._counts = now, counts
            self._say(f"{clean(progress.label)}: {state(progress)}")


class Observing(Plain):
    """Tells now and then how far a suite has come that is only looked at; what fails is told in the end."""

    def failed(self, label: str, test: TestOutcome) -> None:
        """Keep it for the end."""


class Failures:
    """Finds words for failures as they happen: the first of a run, and that there are more."""

    def __init__(self) -> None:
        self._count = 0

    def line(self, label: str, test: TestOutcome) -> str:
        """Return the line of a failure; empty for one of which nothing need be said."""
        self._count += 1
        if self._count <= FIRST:
            return failure(label, test)
        return "… more tests fail; the verdict has their causes" if self._count == FIRST + 1 else ""


def failure(label: str, test: TestOutcome) -> str:
    """Return a failure as one line."""
    return clean(f"{label}: {test.outcome.value.upper()} {test.nodeid} — {test.cause or 'no message'}")


def state(progress: Progress) -> str:
    """Return `50 % (12 of 24), 1 failed, about 8 s left`."""
    share = 100 * progress.done // progress.selected if progress.selected else 0
    parts = [f"{share} % ({progress.done} of {progress.selected})"]
    if progress.bad:
        parts.append(f"{progress.bad} failed")
    if progress.left is not None and progress.done < progress.selected:
        parts.append(f"about {span(progress.left)} left")
    return ", ".join(parts)


def span(seconds: float) -> str:
    """Return a duration that is only roughly known."""
    rounded = round(seconds)
    return f"{rounded} s" if rounded < 90 else f"{rounded / 60:.0f} min"


@contextmanager
def screen(environ: Mapping[str, str]) -> Iterator[ProgressListener]:
    """Give whoever runs lanes a watcher that fits the terminal, for as long as the context lasts.

    Args:
        environ: the caller's environment; `NO_COLOR` and `CI` ask for plain lines.
    """
    quiet = environ.get("NO_COLOR") or environ.get("CI") or environ.get("TERM") == "dumb"
    if sys.stdout.isatty() and not quiet and importlib.util.find_spec("rich") is not None:
        from greenlane.report.live import live

        with live() as listener:
            yield listener
    else:
        yield Plain(lambda text: print(text.encode("utf-8", "replace").decode(), flush=True))
