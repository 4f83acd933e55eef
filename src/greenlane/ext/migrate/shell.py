"""Reads shell text as a list of commands, as far as that needs no shell.

What is a language of its own (`if`, `for`, functions, subshells) is one command whose source is kept as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from greenlane.ext.migrate.shell_words import ShellError, Token, Word
from greenlane.ext.migrate.shell_words import tokens as tokens_of

_REDIRECTIONS = frozenset({"<<<", "<<-", "<<", ">>", ">&", "<&", "&>", ">|", "<", ">"})
_ENDS = frozenset({"&&", "||", ";", "|", "&", "\n", ";;"})
_OPENERS = {"if": "fi", "for": "done", "while": "done", "until": "done", "select": "done", "case": "esac", "{": "}"}
_GOES_ON = frozenset({"then", "do", "else", "elif", "!"})


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One command.

    Attributes:
        words: of it; none for one that is a language of its own.
        line: where it begins, from 1, within the text; source: its text.
        before: the operator that it follows, `;` for a new line; empty for the first.
        after: the operator that ends it; empty for the last.
        keyword: `if`, `for`, `(` and the like for one that is a language of its own, `<<` for one whose here-document
            stands behind another command.
        redirected: whether it reads or writes other files than the shell's; here: its here-document.
    """

    line: int
    source: str
    before: str
    after: str = ""
    words: tuple[Word, ...] = ()
    keyword: str = ""
    redirected: bool = False
    here: str | None = None


def commands(text: str) -> list[Command]:
    """Return the commands of a shell text.

    Raises:
        ShellError: a quotation, an expansion, a here-document or a compound command has no end.
    """
    tokens = list(tokens_of(text))
    found: list[Command] = []
    index, before = 0, ""
    while index < len(tokens):
        token = tokens[index]
        if token.operator in _ENDS:
            before = before if token.operator == "\n" and before in ("&&", "||", "|") else token.operator
            index += 1
            continue
        end = _end(text, tokens, index)
        after = tokens[end].operator if end < len(tokens) else ""
        found.append(_command(text, tokens[index:end], ";" if before == "\n" else before, after))
        index, before = end, ""
    return found


def _command(text: str, tokens: Sequence[Token], before: str, after: str) -> Command:
    """Return the command that some tokens are."""
    first = tokens[0]
    source = text[first.start : tokens[-1].end]
    line = text.count("\n", 0, first.start) + 1
    here = next((token.here for token in tokens if token.here is not None), None)
    bare = Command(line=line, source=source, before=before, after=after, here=here)
    torn = here is None and any(token.operator in ("<<", "<<-") for token in tokens)
    if torn or _opens(tokens, 0):
        return msgspec.structs.replace(bare, keyword="<<" if torn else first.operator or first.plain)
    words: list[Word] = []
    redirected = False
    skip = False
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if skip or token.operator:
            redirected |= token.operator in _REDIRECTIONS and not token.operator.startswith("<<")
            skip = token.operator in _REDIRECTIONS
            continue
        number = token.plain.isdecimal() and following is not None and following.start == token.end
        if token.word is not None and not (number and following and following.operator in _REDIRECTIONS):
            words.append(token.word)
    if not words and not redirected:
        raise ShellError(line, f"{source.split()[0]!r} stands where a command is expected")
    return msgspec.structs.replace(bare, words=tuple(words), redirected=redirected)


def _opens(tokens: Sequence[Token], index: int) -> str:
    """Return what ends the compound command that begins at a token; empty where none does."""
    token = tokens[index]
    if token.operator == "(":
        return ")"
    if token.plain == "function" or (token.plain and [t.operator for t in tokens[index + 1 : index + 3]] == ["(", ")"]):
        return "}"
    return _OPENERS.get(token.plain, "]]" if token.plain == "[[" else "")


def _end(text: str, tokens: Sequence[Token], index: int) -> int:
    """Return the index behind the command that begins at a token.

    Raises:
        ShellError: a compound command has no end.
    """
    start = index
    open_: list[str] = []
    begins = True
    while index < len(tokens):
        token = tokens[index]
        if not open_ and token.operator in _ENDS:
            return index
        opened = _opens(tokens, index) if begins and open_[-1:] != ["]]"] else ""
        if open_ and (token.plain or token.operator) == open_[-1] and (begins or open_[-1] in (")", "]]")):
            open_.pop()
            begins = False
        elif opened:
            open_.append(opened)
            index += 1 if opened == "}" and token.plain != "{" else 0
            # The brace of a function's body is the function's own.
            while opened == "}" and token.plain != "{" and index < len(tokens) and tokens[index].plain != "{":
                index += 1
            begins = opened not in ("done", "esac", "]]") or token.plain in ("while", "until")
        else:
            begins = token.operator in (*_ENDS, "(", ")") or token.plain in _GOES_ON
        index += 1
    if open_:
        raise ShellError(text.count("\n", 0, tokens[start].start) + 1, f"{open_[-1]!r} is missing")
    return index
