"""The fixture by which a test shows what a model answered it."""

from __future__ import annotations

from typing import Protocol

import pytest

from greenlane.evidence.journal import Answered
from greenlane.plugin.journal import Journal

SHOWN = 400
"""Characters of a prompt or an answer that are kept."""


class Show(Protocol):
    """What the fixture `answered` returns."""

    def __call__(
        self, prompt: str, text: str, *, model: str, tokens: int, request: str = "", by: str = "", host: str = ""
    ) -> None:
        """Record an answer as evidence that a real model gave it.

        Args:
            prompt: what was asked; text: what was answered.
            model: name of the model in the answer; tokens: that it cost, without those of the prompt.
            request: id of the answer; by: service or provider that gave it, where the test's marks name several.
            host: of the address that was asked; a live provider that declares one must have been asked there.

        Raises:
            ValueError: the test's marks name none or several, and `by` does not say which.
        """


class Answers:
    """Gives tests the fixture."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @pytest.fixture
    def answered(self, request: pytest.FixtureRequest) -> Show:
        """Record what a model answered: the evidence that a check met a real one."""
        item = request.node
        marks = [mark for name in ("needs", "provider") for mark in item.iter_markers(name)]
        known = list(dict.fromkeys(str(name) for mark in marks for name in mark.args))

        def show(
            prompt: str, text: str, *, model: str, tokens: int, request: str = "", by: str = "", host: str = ""
        ) -> None:
            if not by and len(known) != 1:
                raise ValueError(f"say by= who answered: the marks of this test name {', '.join(known) or 'nobody'}")
            self._journal.write(
                Answered, nodeid=item.nodeid, service=by or known[0], model=model, prompt=prompt[:SHOWN],
                text=text[:SHOWN], tokens=tokens, request=request, host=host,
            )  # fmt: skip

        return show
