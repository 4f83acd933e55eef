"""Fenced code blocks in a model's text."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mini_agent.agent.tool_values import EXEC_CODE, EXEC_PYTHON, PYTHON_LANGUAGES

_BLANKS = " \t"
_SHORTEST_FENCE = 3


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block. language: first word of the info string, lower case, may be empty. code: without fences."""

    language: str
    code: str

    @property
    def tool_name(self) -> str:
        """Returns: the tool that runs the block."""
        return EXEC_PYTHON if self.language in PYTHON_LANGUAGES else EXEC_CODE

    def arguments_json(self) -> str:
        """Returns: the arguments of that tool as JSON text."""
        arguments = {"code": self.code}
        if self.tool_name == EXEC_CODE:
            arguments = {"language": self.language, "code": self.code}
        return json.dumps(arguments)


def first_code_block(text: str) -> CodeBlock | None:
    """Find the first fenced block.

    A block opens with a line of three or more backticks and an optional language, and closes with a line of at least
    as many; the end of the text closes an open one. The indentation of the opening line is taken off the code.

    Returns: the block, None when the text has none.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines):
        fenced = line.lstrip(_BLANKS)
        info = fenced.lstrip("`")
        fence = len(fenced) - len(info)
        if fence >= _SHORTEST_FENCE and "`" not in info:
            words = info.split()
            indent = line[: len(line) - len(fenced)]
            return CodeBlock(words[0].lower() if words else "", _body(lines[number + 1 :], indent, fence))
    return None


def _body(lines: list[str], indent: str, fence: int) -> str:
    body: list[str] = []
    for line in lines:
        closing = line.strip(_BLANKS)
        if len(closing) >= fence and not closing.strip("`"):
            break
        body.append(line.removeprefix(indent))
    return "\n".join(body)
