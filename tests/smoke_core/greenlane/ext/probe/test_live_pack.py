"""What the release lane asks of live providers, against a gateway on loopback."""

from __future__ import annotations

import msgspec
import pytest

from greenlane.config.lanes import Provider
from greenlane.ext.probe.values import Dialect
from mutants.healthy import MODEL, Exchange, Seams, running
from mutants.mutant import KEY, Sent
from support.live import entries
from support.live_pack import MINIMAL, SPOKEN, TOKENS, minimal

ENTRY = Provider(model=MODEL, seconds=5.0)


def endless(events: list[Sent], _x: Exchange) -> list[Sent]:
    """Return a stream without its end."""
    return [event for event in events[:-3] if event.data != "[DONE]"]


@pytest.mark.parametrize("dialect", [Dialect.CHAT, Dialect.MESSAGES])
def test_a_healthy_provider_costs_little(dialect: Dialect) -> None:
    """Nothing is found, in one call a check and far within the tokens."""
    with running(Seams(key=KEY)) as (base, _):
        found, budget = minimal(base, KEY, dialect, ENTRY)

    assert found == {}
    assert budget.used_calls == len(MINIMAL)
    assert 0 < budget.used_tokens < TOKENS / 2


def test_a_broken_stream_is_found() -> None:
    """A provider that loses the end of its streams is told, with the right check."""
    with running(Seams(events=endless)) as (base, _):
        found, _ = minimal(base, "", Dialect.MESSAGES, ENTRY)

    assert list(found) == ["stream.order"]


def test_every_call_is_bounded_by_the_entry() -> None:
    """A provider that does not answer costs no more than its seconds; none of them is asked without a secret."""
    silent = msgspec.structs.replace(ENTRY, seconds=0.05)
    found, budget = minimal("http://127.0.0.1:9", "", Dialect.CHAT, silent)

    assert set(found) == set(MINIMAL)
    assert budget.used_calls == len(MINIMAL)
    assert all(len(entries()[name].secrets) == 1 for name in SPOKEN)
