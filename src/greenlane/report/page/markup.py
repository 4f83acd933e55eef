"""HTML that is escaped by construction, and the sections of the page, which are made of it.

Only what `tag` has made is markup, every other text is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TypeVar

import msgspec

from greenlane.report.failures import readable
from greenlane.report.lines import clean

VOID = frozenset({"meta", "link", "input", "br", "col"})
SHOWN = 200
"""Rows of a table; the JSON has all of them."""

T = TypeVar("T")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str | None, **attributes: str | int | float | bool | None) -> Markup:
    """Return an element.

    Args:
        children: markup, or text that is escaped; None is left out.
        attributes: a final underscore is taken off, others become hyphens; True has no value, None and False are
            left out.
    """
    written = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    inner = "".join(text(child) for child in children if child is not None)
    return Markup(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{inner}</{name}>")


def text(child: str) -> Markup:
    """Return text as markup; no character of it steers anything."""
    return child if isinstance(child, Markup) else Markup(escape(clean(child)))


def block(lines: str) -> Markup:
    """Return text of many lines, which the keyboard can scroll."""
    return tag("pre", Markup(escape(readable(lines))), tabindex=0)


def join(*children: str | None) -> Markup:
    """Return several pieces as one."""
    return Markup("".join(text(child) for child in children if child is not None))


def code(child: str) -> Markup:
    """Return text as code."""
    return tag("code", child)


def table(
    caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, numbers: tuple[int, ...] = ()
) -> Markup:
    """Return a table that scrolls by itself when it is too wide.

    Args:
        caption: what a screen reader says that it is.
        heads: of the columns; rows: their cells.
        numbers: columns that hold numbers.
    """
    style = ["n" if column in numbers else None for column in range(len(heads))]
    head = tag("tr", *(tag("th", word, scope="col", class_=style[i]) for i, word in enumerate(heads)))
    body = [tag("tr", *(tag("td", cell, class_=style[i]) for i, cell in enumerate(row))) for row in rows]
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    # The keyboard must be able to scroll it.
    return tag("div", inner, class_="scroll", tabindex=0, role="group", aria_label=caption)


def _attribute(key: str, value: str | int | float | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(clean(str(value)))}"'


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


def listing(
    name: str, title: str, heads: tuple[str, ...], found: Sequence[T], row: Callable[[T], tuple[str, ...]],
    what: str = "tests", *, caption: str = "", short: str = "", numbers: tuple[int, ...] = (), count: int = 0,
) -> Section | None:  # fmt: skip
    """Return a section with a table of some things, and how many there was no room for; None where there are none.

    Args:
        row: returns the cells of one; what: they are called; numbers: columns that hold numbers.
        count: of what is in it, where that is not how many rows there are.
    """
    if not found:
        return None
    rows = [row(one) for one in found[:SHOWN]]
    body = table(caption or title, heads, rows, numbers=numbers)
    return section(name, title, body, more(len(rows), len(found), what), count=count or len(found), short=short)
