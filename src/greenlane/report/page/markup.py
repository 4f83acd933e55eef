"""HTML that is escaped by construction: only what `tag` has made is markup, every other text is text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from greenlane.report.failures import readable
from greenlane.report.lines import clean

VOID = frozenset({"meta", "link", "input", "br", "col"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str | None, **attributes: str | int | float | bool | None) -> Markup:
    """Return an element.

    Args:
        name: of the element.
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
