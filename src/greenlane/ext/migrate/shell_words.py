"""Splits shell text into words and operators: quotations, expansions, comments, here-documents, continued lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

OPERATORS = (*"&& || ;; <<< <<- << >> >& <& &> >| ; | & < > ( )".split(), "\n")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_PLAIN_DEFAULT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?[-=]([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)")


class ShellError(Exception):
    """Text that a shell would refuse, too.

    Args:
        line: from 1, within the text.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class Expansion(msgspec.Struct, frozen=True):
    """A part of a word that the shell computes, as it is written: `$(pwd)`, `${X:-1}`, `$X`."""

    source: str

    @property
    def variable(self) -> str:
        """The variable that it is the value of; empty for anything else."""
        match = _PLAIN_DEFAULT.fullmatch(self.source)
        return (match[1] or match[3]) if match else ""

    @property
    def default(self) -> str | None:
        """What it is where the variable is not set, when that is a plain text; otherwise None."""
        match = _PLAIN_DEFAULT.fullmatch(self.source)
        plain = match is not None and match[2] is not None and not re.search(r"[$`'\"\\]", match[2])
        return match[2] if match and plain else None


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One word of a command.

    Attributes:
        parts: texts and expansions, in order.
        quoted: whether any of it was quoted; glob: whether it holds a bare `*`, `?` or `[`.
    """

    parts: tuple[str | Expansion, ...]
    quoted: bool = False
    glob: bool = False

    @property
    def source(self) -> str:
        """The word without its quotes, expansions as they are written."""
        return "".join(part if isinstance(part, str) else part.source for part in self.parts)

    def text(self, values: Mapping[str, str], *, defaults: bool = False) -> str | None:
        """Return the word with its variables filled in; None where a part is not known.

        Args:
            values: of variables; defaults: whether `${NAME:-default}` of an unknown name is its default.
        """
        known = []
        for part in self.parts:
            if isinstance(part, str):
                known.append(part)
            elif part.source in ("$(pwd)", "`pwd`", "$PWD", "${PWD}"):
                known.append(".")
            else:
                value = values.get(part.variable) if part.variable else None
                value = part.default if value is None and defaults else value
                if value is None:
                    return None
                known.append(value)
        return "".join(known)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A word or an operator, with its place in the text; here: the text of a here-document."""

    start: int
    end: int
    operator: str = ""
    word: Word | None = None
    here: str | None = None

    @property
    def plain(self) -> str:
        """The text of a word without quotes and expansions; empty for anything else."""
        word = self.word
        return word.source if word and not word.quoted and all(isinstance(part, str) for part in word.parts) else ""


def tokens(text: str) -> Iterator[Token]:
    """Yield words and operators, and each here-document before the line break that it follows.

    Comments and the ends of continued lines are gone.

    Raises:
        ShellError: a quotation, an expansion or a here-document has no end.
    """
    place = 0
    awaited: list[tuple[str, bool]] = []
    redirection = ""
    while place < len(text):
        if text[place] in " \t\r" or text.startswith("\\\n", place):
            place += 1 if text[place] != "\\" else 2
            continue
        if text[place] == "#":
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
            continue
        operator = next((known for known in OPERATORS if text.startswith(known, place)), "")
        if operator == "\n" and awaited:
            body, end = _here_documents(text, place + 1, awaited)
            yield Token(start=place, end=end, here=body)
            awaited.clear()
            place = end
            yield Token(start=place, end=place, operator="\n")
            continue
        if operator:
            yield Token(start=place, end=place + len(operator), operator=operator)
            place += len(operator)
        else:
            word, end = _word(text, place)
            if redirection in ("<<", "<<-"):
                awaited.append((word.source, redirection == "<<-"))
            yield Token(start=place, end=end, word=word)
            place = end
        redirection = operator
    if awaited:
        raise ShellError(text.count("\n") + 1, f"the text that ends with {awaited[0][0]!r} is missing")


def _here_documents(text: str, start: int, awaited: Sequence[tuple[str, bool]]) -> tuple[str, int]:
    """Return the last here-document that begins at a line, and the place of the line break behind all.

    Args:
        awaited: the word that ends each, and whether tabs before its lines are dropped.
    """
    body = ""
    for delimiter, tabs in awaited:
        lines = []
        while True:
            end = text.find("\n", start)
            line = text[start : len(text) if end < 0 else end]
            line = line.lstrip("\t") if tabs else line
            if line == delimiter or (end < 0 and line.strip() == delimiter):
                break
            if end < 0:
                raise ShellError(text.count("\n", 0, start) + 1, f"the text that ends with {delimiter!r} is missing")
            lines.append(line)
            start = end + 1
        body = "".join(f"{line}\n" for line in lines)
        start = len(text) if end < 0 else end
        start += 1 if (delimiter, tabs) != awaited[-1] else 0
    return body, start


def _word(text: str, start: int) -> tuple[Word, int]:
    """Return the word that begins at a place, and where it ends."""
    parts: list[str | Expansion] = []
    quoted = glob = False
    place = start
    while place < len(text) and text[place] not in " \t\r\n;&|<>()":
        char = text[place]
        if char == "\\":
            quoted |= text[place + 1 : place + 2] != "\n"
            parts.append(text[place + 1 : place + 2].replace("\n", ""))
            place += 2
        elif char == "'":
            end = _closing(text, "'", place)
            parts.append(text[place + 1 : end])
            quoted, place = True, end + 1
        elif char == '"':
            inner, place = _double(text, place)
            parts += inner
            quoted = True
        elif char in "$`":
            part, place = _expansion(text, place)
            parts.append(part)
        else:
            glob |= char in "*?["
            parts.append(char)
            place += 1
    return Word(parts=_joined(parts), quoted=quoted, glob=glob), place


def _double(text: str, start: int) -> tuple[list[str | Expansion], int]:
    """Return the parts between double quotes, and the place behind them."""
    parts: list[str | Expansion] = []
    place = start + 1
    while place < len(text) and text[place] != '"':
        if text[place] == "\\" and text[place + 1 : place + 2] in ("$", "`", '"', "\\", "\n"):
            parts.append(text[place + 1].replace("\n", ""))
            place += 2
        elif text[place] in "$`":
            part, place = _expansion(text, place)
            parts.append(part)
        else:
            parts.append(text[place])
            place += 1
    if place >= len(text):
        raise ShellError(text.count("\n", 0, start) + 1, "a quotation has no end")
    return parts, place + 1


def _expansion(text: str, start: int) -> tuple[str | Expansion, int]:
    """Return what begins with `$` or a backtick, and the place behind it."""
    if text[start] == "`":
        end = _closing(text, "`", start)
        return Expansion(text[start : end + 1]), end + 1
    if text[start + 1 : start + 2] == "'":
        end = _closing(text, "'", start + 1)
        return text[start + 2 : end], end + 1
    bracket = {"(": ")", "{": "}"}.get(text[start + 1 : start + 2])
    if bracket:
        end = _bracket(text, start + 1, bracket)
        return Expansion(text[start : end + 1]), end + 1
    name = _NAME.match(text, start + 1)
    return (Expansion(f"${name[0]}"), name.end()) if name else ("$", start + 1)


def _bracket(text: str, start: int, closing: str) -> int:
    """Return the place of the bracket that closes the one at a place, quotations jumped over."""
    depth, place = 0, start
    while place < len(text):
        char = text[place]
        if char == "\\":
            place += 1
        elif char == "'" and closing == ")":
            place = _closing(text, "'", place)
        elif char == '"':
            place = _double(text, place)[1] - 1
        elif char == text[start]:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return place
        place += 1
    raise ShellError(text.count("\n", 0, start) + 1, f"{text[start]!r} has no end")


def _closing(text: str, quote: str, start: int) -> int:
    """Return the place of the next quote behind one.

    Raises:
        ShellError: there is none.
    """
    end = text.find(quote, start + 1)
    if end < 0:
        raise ShellError(text.count("\n", 0, start) + 1, "a quotation has no end")
    return end


def _joined(parts: Sequence[str | Expansion]) -> tuple[str | Expansion, ...]:
    """Return parts with neighbouring texts as one."""
    result: list[str | Expansion] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    return tuple(result)
