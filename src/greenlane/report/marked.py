"""Foreign text within Markdown."""

from __future__ import annotations

from greenlane.report.lines import clean


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, also inside a table."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>|#~&" else c for c in clean(text))


def code(text: str) -> str:
    """Return text as code, also inside a table; a backtick in it would end it."""
    return f"`{clean(text).replace('`', chr(39)).replace('|', chr(0xA6))}`"
