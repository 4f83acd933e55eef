"""The expressions of GitHub workflows, `${{ … }}`, as far as ours use them.

Source: GitHub's documentation, "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>&&|\|\||==|!=|!|\(|\)|,))")


class Expression:
    """One expression, read from left to right.

    Args:
        text: without `${{` and `}}`.
        contexts: values by name, as `github`, `needs`, `matrix`.
        functions: by name, as `always`.
    """

    def __init__(self, text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> None:
        self._tokens = self._split(text)
        self._contexts = contexts
        self._functions = {"fromJSON": json.loads, **functions}

    @staticmethod
    def _split(text: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(f"not an expression that ours use: {text!r} at {position}")
            tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            position = match.end()
        return tokens

    def value(self) -> Any:
        """Return what the expression is."""
        result = self._either()
        if self._tokens:
            raise ValueError(f"left over: {self._tokens}")
        return result

    def _next(self, *signs: str) -> str:
        """Take the next token when it is one of these signs."""
        if self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in signs:
            return self._tokens.pop(0)[1]
        return ""

    def _either(self) -> Any:
        left = self._both()
        while self._next("||"):
            right = self._both()
            left = left or right
        return left

    def _both(self) -> Any:
        left = self._compared()
        while self._next("&&"):
            right = self._compared()
            left = left and right
        return left

    def _compared(self) -> Any:
        left = self._single()
        sign = self._next("==", "!=")
        if not sign:
            return left
        same = left == self._single()
        return same if sign == "==" else not same

    def _single(self) -> Any:
        if self._next("!"):
            return not self._single()
        if self._next("("):
            inner = self._either()
            self._next(")")
            return inner
        kind, word = self._tokens.pop(0)
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if self._next("("):
            arguments = []
            while not self._next(")"):
                arguments.append(self._either())
                self._next(",")
            return self._functions[word](*arguments)
        return {"true": True, "false": False}.get(word, self._look_up(word))

    def _look_up(self, path: str) -> Any:
        """Return a value of a context; what is not there is empty, as GitHub has it."""
        value: Any = self._contexts
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return "" if value is None else value


def as_text(value: Any) -> str:
    """Return a value as GitHub writes it into text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def replaced(
    text: object, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None
) -> Any:
    """Return a value of a workflow with its expressions replaced; one that is nothing else keeps its type."""
    if not isinstance(text, str):
        return text
    whole = re.fullmatch(r"\$\{\{((?:(?!\}\}).)*)\}\}", text.strip(), re.DOTALL)
    if whole:
        return Expression(whole.group(1), contexts, functions or {}).value()
    return re.sub(
        r"\$\{\{(.*?)\}\}",
        lambda match: as_text(Expression(match.group(1), contexts, functions or {}).value()),
        text,
        flags=re.DOTALL,
    )
