"""What the sections share."""

from __future__ import annotations

import msgspec

from greenlane.report.page.markup import Markup, tag


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the page.

    Attributes:
        name: its anchor; title: its heading; short: the same in a word or two.
        count: how many things are in it; None where that says nothing.
    """

    name: str
    title: str
    short: str
    markup: Markup
    count: int | None = None


def section(name: str, title: str, *children: str | None, count: int | None = None, short: str = "") -> Section:
    """Return a section under a heading of its own; `short` stands for the title where there is little room."""
    counter = None if count is None else tag("span", f"{count:,}", class_="count")
    heading = tag("h2", title, " " if counter else None, counter, id=f"{name}-title")
    return Section(
        name=name, title=title, short=short or title, count=count,
        markup=tag("section", heading, *children, id=name, aria_labelledby=f"{name}-title"),
    )  # fmt: skip


def seconds(value: float) -> str:
    """Return a duration as people say it."""
    if value <= 0:
        return "0 s"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else f"{value // 60:.0f} min {value % 60:.0f} s"


def more(shown: int, total: int, what: str) -> Markup | None:
    """Return a line that tells how many are not shown; None when all are."""
    return tag("p", f"… and {total - shown:,} more {what}.", class_="more") if total > shown else None
