"""Each live provider, once: the least that shows that it answers, and that the answer is its own.

A provider is an entry under `[tool.greenlane.providers]` and a file in `providers/`. The lane skips it, loudly, while
its gate is closed. `tests/smoke_core/greenlane/test_live_providers.py` runs the same code against servers on loopback.
"""

from __future__ import annotations

import os

import pytest

from greenlane.plugin.answers import Show
from support.live import Line, entries, live_provider, questions

ENTRIES = entries()
CASES = [pytest.param(name, marks=pytest.mark.provider(name), id=name) for name in ENTRIES]


@pytest.mark.parametrize("name", CASES)
def test_a_provider_answers(name: str, answered: Show) -> None:
    """Two questions that nobody was asked before get answers of their own, from the model that was asked for."""
    provider, entry = live_provider(name), ENTRIES[name]
    line = Line(provider.base(os.environ), entry)
    for question in questions():
        said = line.check(provider.ask(line, os.environ, entry.model, question.prompt))
        tokens = said.tokens or 0
        answered(question.prompt, said.text, model=said.model, tokens=tokens, request=said.request, host=line.host)
        assert said.text.strip()
        assert question.answer in said.text or not provider.EXACT
        assert said.text == question.prompt or entry.kind != "memory"
