"""Expressions of `-k` that are made of shard names alone: they choose shards, which is no selection within one."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Collection, Mapping

OPTION = "-k"
_WORDS = re.compile(r"[()]|[^\s()]+")
_OPERATORS = frozenset({"and", "or", "not", "(", ")"})
_PARTS = (ast.BoolOp, ast.UnaryOp, ast.Name, ast.boolop, ast.unaryop, ast.expr_context)


def shards_of(expression: str, names: Mapping[str, str]) -> frozenset[str] | None:
    """Return the shards that an expression means; None when it is of anything else than shards.

    Args:
        expression: as pytest's `-k`, `not shard_b` or `shard_a or shard_b`.
        names: shard by each of its names.
    """
    words = _WORDS.findall(expression)
    used = dict.fromkeys(word for word in words if word not in _OPERATORS)
    if not used or not set(used) <= set(names):
        return None
    # A name may hold what Python's do not, a dot or a dash: each stands as one that Python can read.
    places = {word: f"_{number}" for number, word in enumerate(used)}
    try:
        tree = ast.parse(" ".join(places.get(word, word) for word in words), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not all(isinstance(node, _PARTS) for node in ast.walk(tree)):
        return None
    meant = {places[word]: names[word] for word in used}
    return frozenset(shard for shard in names.values() if _holds(tree, shard, meant))


def _holds(node: ast.expr, shard: str, meant: Mapping[str, str]) -> bool:
    """Return whether an expression is true for a shard."""
    if isinstance(node, ast.BoolOp):
        parts = [_holds(part, shard, meant) for part in node.values]
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp):
        return not _holds(node.operand, shard, meant)
    return isinstance(node, ast.Name) and meant[node.id] == shard


def split_keyword(words: Collection[str]) -> tuple[list[str], str]:
    """Return options of pytest without `-k`, and the expression that is in force; empty for none.

    Args:
        words: options as pytest takes them; the last `-k` is the one in force.
    """
    rest: list[str] = []
    expression, awaited = "", False
    for word in words:
        if awaited:
            expression, awaited = word, False
        elif word == OPTION:
            awaited = True
        elif word.startswith(OPTION):
            expression = word[len(OPTION) :].removeprefix("=")
        else:
            rest.append(word)
    return rest, expression


def choose_shards(
    addopts: str, given: str, named: Collection[str], names: Mapping[str, str]
) -> tuple[tuple[str, ...], str, str]:
    """Return the shards that run, the options that pytest is left with, and the expression that chose.

    Args:
        addopts: options of pytest, quoted as a shell does; given: expression of `-k` on our own command line.
        named: shards that were named one by one, none for all; names: shard by each of its names, in their order.

    The expression of our own command line is the stronger one. It is empty in the answer when it is pytest's to read.
    """
    rest, expression = split_keyword(shlex.split(addopts))
    expression = given or expression
    meant = shards_of(expression, names) if expression else None
    if meant is None:
        return tuple(named), f"{addopts} {shlex.join([OPTION, given])}".strip() if given else addopts, ""
    wanted = named or dict.fromkeys(names.values())
    return tuple(shard for shard in wanted if shard in meant), shlex.join(rest), expression
