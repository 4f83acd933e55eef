"""When a live provider may be called."""

from __future__ import annotations

from collections.abc import Mapping

from greenlane.config.lanes import Provider
from greenlane.config.variables import truthy
from greenlane.evidence.evidence import GateState

SWITCH = "LIVE_PROVIDERS"
"""The master switch without which no provider is called."""


def gate(name: str, provider: Provider, environ: Mapping[str, str]) -> GateState:
    """Return whether a provider may be called, and the first reason why not.

    Args:
        name: the provider's name in the configuration.
        environ: the caller's environment, with the variables of the one base.
    """
    reasons = []
    if not truthy(environ.get(SWITCH)):
        reasons.append(f"{SWITCH} is not 1")
    for name_of in (*provider.secrets, *provider.variables):
        value = environ.get(name_of)
        if value is None:
            reasons.append(f"{name_of} is not set")
        elif not value.strip():
            reasons.append(f"{name_of} is blank")
    return GateState(provider=name, open=not reasons, reason="; ".join(reasons))


def secret_state(value: str | None) -> str:
    """Return `present`, `blank` or `absent`, never the value."""
    return "absent" if value is None else "present" if value.strip() else "blank"


def gate_line(state: GateState, provider: Provider) -> str:
    """Return the one loud line of a gate: `SKIP gemini: GEMINI_API_KEY is not set`, or why it is open."""
    if not state.open:
        return f"SKIP {state.provider}: {state.reason}"
    present = ", ".join(f"{name} is set" for name in (*provider.secrets, *provider.variables))
    return f"LIVE {state.provider}: {SWITCH} is 1{', ' if present else ''}{present}"
