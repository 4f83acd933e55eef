"""Tables of plain text, for commands that print rows."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from greenlane.report.lines import clean


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows under a head, in columns; nothing but the head for no rows."""
    shown = [[clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in shown) for i in range(len(head))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]


def minute(at: float) -> str:
    """Return a moment (Unix seconds) as `2026-01-31 12:00`, UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M")


def day(number: int) -> str:
    """Return a day (days since 1970) as `2026-01-31`."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=number)).isoformat()


def bar(share: float, width: int = 20) -> str:
    """Return a share, 0 to 1, as a bar of text."""
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "·" * (width - full)
