"""Regular expressions over text of others: their time is linear in the text, whatever the text and the expression.

Python's own engine backtracks: a header of 6 KB could hold the event loop for half a minute. RE2 walks through a text
once. What cannot be had at that price (look-around, back-references) it does not have. `re` is not imported anywhere in
this package; `.importlinter` sees to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import AnyStr, Generic, Protocol, TypeVar, cast

import re2

from mini_agent.core.text import encodable

_Text = TypeVar("_Text", str, bytes, covariant=True)


class PatternError(ValueError):
    """The expression is none of RE2's, or would mean something else than its writer thinks."""


class Match(Protocol[_Text]):
    """Where an expression was found."""

    def __getitem__(self, group: int | str) -> _Text: ...

    def start(self) -> int: ...

    def end(self) -> int: ...


class Pattern(Generic[AnyStr]):
    """One expression, compiled once.

    expression: in RE2's syntax, text or bytes as the texts it will see. ignore_case: whether casing counts.
    Raises: PatternError.
    """

    def __init__(self, expression: AnyStr, *, ignore_case: bool = False) -> None:
        text = expression.decode("latin-1") if isinstance(expression, bytes) else expression
        _refuse_ambiguous(text)
        self.expression: AnyStr = expression
        try:
            self._compiled = re2.compile(expression, options=_options(ignore_case))
        except re2.error as error:
            raise PatternError(_reason(error)) from None

    def search(self, text: AnyStr) -> Match[AnyStr] | None:
        """Returns: the first place where it is found, None without one."""
        return cast("Match[AnyStr] | None", self._compiled.search(_legible(text)))

    def match(self, text: AnyStr) -> Match[AnyStr] | None:
        """Returns: the match at the beginning of the text, None without one."""
        return cast("Match[AnyStr] | None", self._compiled.match(_legible(text)))

    def fullmatch(self, text: AnyStr) -> Match[AnyStr] | None:
        """Returns: the match that is the whole text, None without one."""
        return cast("Match[AnyStr] | None", self._compiled.fullmatch(_legible(text)))

    def findall(self, text: AnyStr) -> list[AnyStr]:
        """Returns: every match, from left to right; that of the group where the expression has one."""
        return cast("list[AnyStr]", self._compiled.findall(_legible(text)))

    def sub(self, replacement: AnyStr, text: AnyStr) -> AnyStr:
        r"""Returns: the text with every match replaced. replacement: `\1` stands for the first group."""
        return cast(AnyStr, self._compiled.sub(replacement, _legible(text)))

    def split(self, text: AnyStr) -> list[AnyStr]:
        """Returns: what stands between the matches."""
        return cast("list[AnyStr]", self._compiled.split(_legible(text)))


class PatternSet:
    """Many expressions, looked for in one walk.

    expressions: in RE2's syntax. ignore_case: whether casing counts.
    Raises: PatternError.
    """

    def __init__(self, expressions: Iterable[str], *, ignore_case: bool = False) -> None:
        self._each = [Pattern(expression, ignore_case=ignore_case) for expression in expressions]
        self._together = re2.Set.SearchSet(_options(ignore_case))
        for pattern in self._each:
            self._together.Add(pattern.expression)
        # Found in every text: without it in the answer, the walk ran out of memory and knows nothing.
        self._witness = self._together.Add("")
        try:
            self._together.Compile()
        except re2.error as error:
            raise PatternError(f"{len(self._each)} expressions are too large together: {_reason(error)}") from None

    def first(self, text: str) -> int | None:
        """Returns: the index of the first expression, in the order given, that is found in the text; None for none."""
        found = self._together.Match(_legible(text))
        if found is None or self._witness not in found:
            return next((index for index, pattern in enumerate(self._each) if pattern.search(text)), None)
        first: int = min(found)
        return None if first == self._witness else first


def literal(text: str) -> str:
    """Returns: an expression that finds this text and nothing else."""
    return cast(str, re2.escape(text))


def _options(ignore_case: bool) -> re2.Options:
    options = re2.Options()
    options.case_sensitive = not ignore_case
    # Its log goes to stderr past ours, with the expression in it.
    options.log_errors = False
    return options


def _legible(text: AnyStr) -> AnyStr:
    """Returns: the text as UTF-8 can have it: RE2 works on bytes, and half a surrogate pair has none."""
    return encodable(text) if isinstance(text, str) else text


def _refuse_ambiguous(expression: str) -> None:
    r"""Refuse `{,3}`, a repetition for Python and four plain characters for RE2. Raises: PatternError."""
    start = expression.find("{,")
    while start >= 0:
        count, closed, _ = expression[start + 2 :].partition("}")
        if closed and count.isdigit() and expression[start - 1 : start] != "\\":
            raise PatternError(f"{{,{count}}} is plain text here: write {{0,{count}}}")
        start = expression.find("{,", start + 1)


def _reason(error: re2.error) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
