"""Each live provider keeps its dialect: five calls of the pack that `greenlane probe` runs, in a small budget."""

from __future__ import annotations

import os

import pytest

from support.live import entries, live_provider
from support.live_pack import SPOKEN, minimal

ENTRIES = entries()
CASES = [pytest.param(name, marks=pytest.mark.provider(name), id=name) for name in SPOKEN]


@pytest.mark.parametrize("name", CASES)
def test_a_provider_keeps_its_dialect(name: str) -> None:
    """Form, tokens, stream and refusal are what clients take for granted."""
    entry = ENTRIES[name]
    (secret,) = entry.secrets

    found, _ = minimal(live_provider(name).base(os.environ), os.environ[secret], SPOKEN[name], entry)

    assert found == {}
