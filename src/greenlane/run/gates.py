"""Whether live providers may be called, and whether every base variable names the same server."""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.config.context import Context
from greenlane.errors import ConfigError
from greenlane.evidence.evidence import GateState, LaneEvidence
from greenlane.evidence.violation import Violation
from greenlane.judge.address import disagreements, endpoints, resolve
from greenlane.judge.gates import gate


def open_gates(context: Context) -> tuple[GateState, ...]:
    """Return the state of every live provider; the variables of the one base count as set where there is one."""
    configuration, environ = context.settings.configuration, context.environ
    address = configuration.address
    try:
        base = resolve(address, environ).url
    except ValueError:  # which is reported where the addresses are checked
        base = ""
    known = {**environ, **(endpoints(address, base) if base else {})}
    return tuple(gate(name, provider, known) for name, provider in configuration.providers.items())


def recorded_gates(gates: Iterable[GateState], evidence: Iterable[LaneEvidence]) -> tuple[GateState, ...]:
    """Return the state of every live provider as it was where its lane ran; as it is here where no lane did.

    Whoever only judges has no secret, and needs none.
    """
    recorded = {state.provider: state for item in evidence for state in item.record.gates}
    return tuple(recorded.get(state.provider, state) for state in gates)


def check_addresses(context: Context, strict: bool) -> list[Violation]:
    """Return what is wrong with the base variables.

    Raises:
        ConfigError: a variable holds no address.
    """
    address, environ = context.settings.configuration.address, context.environ
    try:
        base = resolve(address, environ)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return disagreements(address, base, environ, strict)
