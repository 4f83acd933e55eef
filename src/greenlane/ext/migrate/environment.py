"""Which variables of a check a lane may set: not those that the harness decides, nor secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from greenlane.config.lanes import Address
from greenlane.config.schema import Configuration
from greenlane.config.validate import is_fixed
from greenlane.config.variables import variables
from greenlane.ext.migrate.secrets import hidden
from greenlane.ext.migrate.values import Check, Finding, Findings

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET = re.compile(r"([A-Z0-9]+)_(?:[A-Z0-9_]*_)?(?:KEY|TOKEN|SECRET|PASSWORD)")
"""Names of variables whose values are secrets."""

_OURS = ("OLLAMA_API_BASE", "OLLAMA_MODEL")
"""Names that the harness reads for a service of its own project; anybody's tests may want them, too."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What of a check's variables is taken over.

    Attributes:
        entries: `NAME` and `NAME=value`, as a lane has them; secrets: names of secrets, in order.
        given: whether the list holds the value of a secret, by its name.
    """

    entries: tuple[str, ...]
    secrets: tuple[str, ...]
    given: tuple[str, ...]


def surroundings(
    env: Mapping[str, str | None], configuration: Configuration, findings: Findings, line: int
) -> Surroundings:
    """Return what a lane takes over of a check's variables, telling why of each that it does not.

    Args:
        env: value by name, None for one that is passed on.
        configuration: of the project, whose address, router and providers have names of their own.
        findings: of the check; line: of the list.
    """
    entries: list[str] = []
    secrets: list[str] = []
    decided = {variable.name: variable.meaning for variable in variables(configuration, {})}
    followed = _followed(configuration)
    for name, value in env.items():
        if not _NAME.fullmatch(name) or "\0" in (value or ""):
            findings.left(line, f"{name!r} is no variable that a process can have")
        elif is_fixed(name):
            findings.note(line, f"{name} decides which code runs, and is set by the harness; dropped")
        elif name in followed:
            findings.note(line, f"{name} follows the one base, and is set by the harness; dropped")
        elif name in decided and name not in _OURS:
            findings.note(line, f"{name} is read by the harness ({decided[name]}); export it for `nox`; dropped")
        elif name in provider_of(configuration) or SECRET.fullmatch(name):
            secrets.append(name)
        elif hidden(value or "") != (value or ""):
            findings.note(line, f"the value of {name} holds a secret: revoke it; it is read from the environment now")
            entries.append(name)
        else:
            entries.append(name if value is None else f"{name}={value}")
    given = tuple(name for name in secrets if env[name])
    return Surroundings(entries=tuple(entries), secrets=tuple(secrets), given=given)


def provider_of(configuration: Configuration) -> dict[str, str]:
    """Return the provider that each declared secret belongs to."""
    return {secret: name for name, provider in configuration.providers.items() for secret in provider.secrets}


def provider_name(secret: str, configuration: Configuration) -> str:
    """Return the provider that a secret belongs to: the one that declares it, or the one that it is named after."""
    match = SECRET.fullmatch(secret)
    return provider_of(configuration).get(secret) or (match[1].lower() if match else secret.lower())


def _followed(configuration: Configuration) -> frozenset[str]:
    """Return the variables that follow the one base, and that of the router."""
    address, router = configuration.address, configuration.router
    return frozenset((address.variable, address.host_variable, address.port_variable, *address.same, router.variable))


_LOOPBACK = ("127.0.0.1", "localhost", "0.0.0.0")
_BASE = re.compile(r"[A-Z][A-Z0-9_]*_(?:API_BASE|BASE_URL|BASE)")
_ADDRESS = re.compile(r"https?://([^/:]+):(\d{1,5})/?")


def inferred(checks: Iterable[Check], found: list[Finding]) -> Address | None:
    """Return the address that a project without one is given; None where no check names a base of this machine.

    Args:
        checks: whose variables are looked at; found: where it is told.
    """
    given: dict[str, str] = {}
    lines: dict[str, int] = {}
    for check in checks:
        for name, value in check.env.items():
            given.setdefault(name, value or "")
            lines.setdefault(name, check.line)
    bases = {name: value.rstrip("/") for name, value in given.items() if _BASE.fullmatch(name) and _local(value)}
    for name, value in given.items():
        stem = name.removesuffix("_HOST")
        port = given.get(f"{stem}_PORT", "")
        if stem != name and value in _LOOPBACK and re.fullmatch(r"\d{1,5}", port):
            return _address(f"{stem}_BASE", f"http://127.0.0.1:{port}", bases, stem, lines[name], found)
    for name, value in bases.items():
        if name.endswith("_API_BASE"):
            return _address(name, value, bases, name.removesuffix("_BASE"), lines[name], found)
    return None


def _address(
    variable: str, base: str, bases: dict[str, str], stem: str, line: int, found: list[Finding]
) -> Address:  # fmt: skip
    """Return an address, with whatever carries the same base."""
    same = tuple(name for name, value in bases.items() if name != variable and value == base)
    advice = "what carries it is set by the harness; name its service in [tool.greenlane.address]"
    Findings(found, "").note(line, f"{variable} is taken for the one base, {base}: {advice}")
    return Address(
        variable=variable, host_variable=f"{stem}_HOST", port_variable=f"{stem}_PORT", default=base, same=same
    )


def _local(value: str) -> bool:
    """Return whether a value is an address of this machine."""
    match = _ADDRESS.fullmatch(value)
    return match is not None and match[1] in _LOOPBACK
