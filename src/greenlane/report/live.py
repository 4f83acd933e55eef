"""The moving screen: what lanes print scrolls above, how far each has come stands below. Needs rich."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from greenlane.evidence.outcome import TestOutcome
from greenlane.evidence.progress import Progress, ProgressListener
from greenlane.report.lines import clean
from greenlane.report.progress import Failures, span

FRAMES = 8
"""Pictures a second."""


class LiveDisplay(ProgressListener):
    """Draws the progress of every lane of a run."""

    period = 0.2
    carries = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._rows: dict[str, Progress] = {}
        self._over: set[str] = set()
        self._lines: list[bytes] = []
        self._failures = Failures()

    def began(self, label: str) -> None:
        self._rows[label] = Progress(label=label)

    def line(self, line: bytes) -> None:
        """See `ProgressListener`; lines are printed together once a picture: one by one costs more than testing."""
        with self._lock:
            self._lines.append(line)

    def failed(self, label: str, test: TestOutcome) -> None:
        line = self._failures.line(label, test)
        if line:
            with self._lock:
                self._lines.append(b"\x1b[31m" + line.encode("utf-8", "replace") + b"\x1b[0m\n")

    def progress(self, progress: Progress) -> None:
        self._rows[progress.label] = progress
        self.flush()

    def ended(self, progress: Progress) -> None:
        self._over.add(progress.label)
        self.progress(progress)

    def flush(self) -> None:
        """Print the lines that have come since the last time."""
        with self._lock:
            lines, self._lines = self._lines, []
        if lines:
            text = b"".join(lines).decode("utf-8", "replace").removesuffix("\n")
            self._console.print(Text.from_ansi(text), soft_wrap=True, highlight=False)

    def picture(self) -> RenderableType:
        """Return how far every lane has come."""
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(width=30)
        for column in range(3):
            table.add_column(no_wrap=True, justify="right" if column == 0 else "left")
        for label, row in list(self._rows.items()):
            table.add_row(Text(clean(label), "bold"), *self._cells(row, over=label in self._over))
        return table

    def _cells(self, row: Progress, *, over: bool) -> tuple[RenderableType, ...]:
        """Return bar, counts, failures and time of one lane."""
        bad = Text(f"{row.bad} failed", "red") if row.bad else Text("")
        if over:
            return (Text("done"), Text(f"{row.done} tests"), bad, Text(f"{row.elapsed:.1f} s", "dim"))
        if not row.selected:
            return (ProgressBar(total=None, width=30), Text("collecting"), bad, Text(f"{row.elapsed:.0f} s", "dim"))
        left = "" if row.left is None else f"{span(row.left)} left"
        counts = Text(f"{row.done}/{row.selected}")
        return (ProgressBar(total=row.selected, completed=row.done, width=30), counts, bad, Text(left, "dim"))


@contextmanager
def live() -> Iterator[LiveDisplay]:
    """Draw as long as the context lasts, and take the drawing away at its end: one table follows, with the verdict."""
    console = Console()
    display = LiveDisplay(console)
    with Live(
        get_renderable=display.picture, console=console, refresh_per_second=FRAMES, transient=True,
        vertical_overflow="crop",
    ):  # fmt: skip
        try:
            yield display
        finally:
            display.flush()
