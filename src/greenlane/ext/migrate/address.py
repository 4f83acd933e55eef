"""The one base that the checks of a list give themselves, by its names: `X_HOST` with `X_PORT`, or `X_BASE`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from greenlane.config.lanes import Address
from greenlane.ext.migrate.values import Check, Finding, Findings

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
