"""As little of the pack of `greenlane probe` as shows that a provider keeps its dialect: the calls cost money."""

from __future__ import annotations

from greenlane.config.lanes import Provider
from greenlane.ext.probe.case import Case, examine
from greenlane.ext.probe.pack.table import check_named
from greenlane.ext.probe.speech.table import SPEECHES
from greenlane.ext.probe.values import Dialect
from greenlane.ext.probe.wire import Budget, Wire

MINIMAL = ("plain.shape", "usage.plain", "stream.shape", "stream.order", "errors.bad_json")
"""One call each: the form of an answer and its tokens, of a stream and its order, and of a refusal."""

SPOKEN = {"openai": Dialect.CHAT, "anthropic": Dialect.MESSAGES, "codex-agent": Dialect.CHAT}
"""The dialect of each live provider that speaks one of the pack's."""

TOKENS = 1500
"""Tokens of prompts and answers together that one provider may cost."""


def minimal(base: str, key: str, dialect: Dialect, entry: Provider) -> tuple[dict[str, str], Budget]:
    """Return what the minimal pack finds at an address, by check, and what it cost.

    Args:
        base: address; key: of its owner; dialect: that is asked.
        entry: of the provider, whose seconds bound each call.
    """
    budget = Budget(TOKENS, entry.seconds * len(MINIMAL), len(MINIMAL))
    wire = Wire(base, key, budget, patience=entry.seconds)
    found = {}
    try:
        for name in MINIMAL:
            finding = examine(check_named(dialect, name), Case(wire, SPEECHES[dialect], dialect, entry.model))
            if finding is not None:
                found[name] = str(finding)
    finally:
        wire.close()
    return found, budget
