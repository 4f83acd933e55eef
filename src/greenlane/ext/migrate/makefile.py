"""What a make target runs, as far as its recipe says so without make."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"(?:export\s+)?([A-Za-z_][\w.-]*)\s*(?:::?|\?|)=\s*(.*)")
_RULE = re.compile(r"([^\t#=:][^=:#]*)::?(?!=)([^#=]*?)(?:;(.*))?(?:#.*)?")
_REFERENCE = re.compile(r"\$(?:\$|\(([A-Za-z_][\w.-]*)\)|\{([A-Za-z_][\w.-]*)\})")
DEEPEST = 5
"""Levels of variables in variables that are followed."""

LONGEST = 20_000
"""Characters of a line in which further variables are filled in."""


class Makefile:
    """Variables and rules of a makefile.

    Args:
        text: of the file; empty for none.
    """

    def __init__(self, text: str) -> None:
        self._variables: dict[str, str] = {"MAKE": "make"}
        self._recipes: dict[str, list[str]] = {}
        self._needs: dict[str, list[str]] = {}
        current: list[str] = []
        for line in text.replace("\\\n", "\\\0").split("\n"):
            current = self._line(line.replace("\\\0", "\\\n"), current)

    def _line(self, line: str, current: list[str]) -> list[str]:
        """Take one line, and return the targets whose recipe goes on."""
        if line.startswith("\t"):
            for target in current:
                self._recipes[target].append(line.strip())
            return current
        if variable := _VARIABLE.fullmatch(line):
            self._variables.setdefault(variable[1], variable[2].strip())
            return []
        if not (rule := _RULE.fullmatch(line)):
            return current if not line.strip() or line.startswith("#") else []
        targets = rule[1].split()
        for target in targets:
            self._needs.setdefault(target, []).extend(rule[2].split())
            self._recipes.setdefault(target, []).extend([rule[3].strip()] if rule[3] else [])
        return targets

    def recipe(self, target: str, given: Mapping[str, str]) -> str:
        """Return the shell text that a target runs, those that it needs first; empty where there is no such target.

        Args:
            given: variables of the command line, which are stronger than those of the file.
        """
        lines: list[str] = []
        self._collect(target, {**self._variables, **given}, lines, set())
        return "".join(f"{line}\n" for line in lines)

    def _collect(self, target: str, variables: Mapping[str, str], lines: list[str], seen: set[str]) -> None:
        if target in seen:
            return
        seen.add(target)
        for needed in self._needs.get(target, ()):
            self._collect(needed, variables, lines, seen)
        for line in self._recipes.get(target, ()):
            lines.append(_expanded(line.lstrip("@-+"), variables))


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return text with make's variables filled in, and its `$$` as the shell's `$`."""
    mark = "\0"
    for _ in range(DEEPEST):
        if len(text) > LONGEST:
            break
        text = _REFERENCE.sub(
            lambda match: mark if match[0] == "$$" else variables.get(match[1] or match[2], match[0]), text
        )
    return text.replace(mark, "$")
