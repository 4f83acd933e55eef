"""When a live provider may be called."""

from __future__ import annotations

import pytest

from greenlane.config.lanes import Provider
from greenlane.config.variables import truthy
from greenlane.judge.gates import gate, gate_line

GEMINI = Provider(secrets=("GEMINI_API_KEY", "GEMINI_PROJECT"))
BOTH = {"GEMINI_API_KEY": "k", "GEMINI_PROJECT": "p"}
ON = {"LIVE_PROVIDERS": "1"}


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        pytest.param({**ON, **BOTH}, "", id="open"),
        pytest.param(BOTH, "LIVE_PROVIDERS is not 1", id="no-switch"),
        pytest.param({**BOTH, "LIVE_PROVIDERS": "0"}, "LIVE_PROVIDERS is not 1", id="switch-off"),
        pytest.param({**BOTH, "READINESS_LIVE": "1"}, "LIVE_PROVIDERS is not 1", id="asking-is-not-the-switch"),
        pytest.param({**ON, "GEMINI_PROJECT": "p"}, "GEMINI_API_KEY is not set", id="secret-missing"),
        pytest.param({**ON, **BOTH, "GEMINI_API_KEY": " \t"}, "GEMINI_API_KEY is blank", id="secret-blank"),
        pytest.param(
            {}, "LIVE_PROVIDERS is not 1; GEMINI_API_KEY is not set; GEMINI_PROJECT is not set", id="every-reason"
        ),
    ],
)
def test_a_gate_opens_with_switch_and_every_secret(environ: dict[str, str], reason: str) -> None:
    """Both are needed, and every reason for a closed gate is told, never a value."""
    state = gate("gemini", GEMINI, environ)

    assert (state.open, state.reason) == (not reason, reason)


def test_a_closed_gate_is_one_loud_line() -> None:
    """The line that users see for a provider that was not called."""
    provider = Provider(secrets=("K",))
    assert gate_line(gate("gemini", provider, ON), provider) == "SKIP gemini: K is not set"


def test_an_open_gate_is_one_line_without_values() -> None:
    """The line that users see before money is spent: which switch and which secrets, and not what is in them."""
    line = gate_line(gate("gemini", GEMINI, {**ON, "GEMINI_API_KEY": "k-1", "GEMINI_PROJECT": "p-1"}), GEMINI)
    assert line == "LIVE gemini: LIVE_PROVIDERS is 1, GEMINI_API_KEY is set, GEMINI_PROJECT is set"


@pytest.mark.parametrize("value", ["1", "true", "Yes", " ON "])
def test_words_for_yes(value: str) -> None:
    """The usual words, in any case, with blanks around."""
    assert truthy(value)


@pytest.mark.parametrize("value", [None, "", "0", "false", "no", "off", "2", "y", "enabled"])
def test_anything_else_is_no(value: str | None) -> None:
    """A switch that spends money is not opened by a word that somebody may have meant otherwise."""
    assert not truthy(value)
