"""What a hashed requirements file says, and which releases are refused whatever it says."""

from __future__ import annotations

import re

from greenlane.util.checkout import canonical_name

COMPROMISED: dict[str, frozenset[str]] = {"litellm": frozenset({"1.82.7", "1.82.8", "1.107.0"})}
"""Releases known to carry malicious code, by normalised name."""

MISMATCHES = ("hash mismatch", "do not match the hashes", "eintegrity")
"""How uv, pip and npm say that a distribution is not the one that was locked."""

UNREACHABLE = (
    "failed to fetch", "error sending request", "network was disabled", "network connectivity is disabled",
    "could not connect", "connection refused", "name or service not known", "failed to establish a new connection",
    # Python's own ModuleNotFoundError has the code of a name that is not known in it.
    *(f"code {code}" for code in ("enotfound", "econnrefused", "econnreset", "eai_again", "etimedout")),
)  # fmt: skip
"""How uv, pip and npm say that no package index answered, in lower case."""

UNTRUSTED = ("unknownissuer", "invalid peer certificate", "certificate_verify_failed")
"""How uv and pip say that they do not know who signed the certificate of the index, in lower case."""

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(;[^\\]*)?", re.MULTILINE)


def pins(text: str) -> dict[str, tuple[set[str], bool]]:
    """Return by normalised name the locked versions, and whether the name is needed on every platform.

    Args:
        text: content of a requirements file as `uv pip compile` writes it.
    """
    result: dict[str, tuple[set[str], bool]] = {}
    for name, version, marker in _PIN.findall(text):
        versions, always = result.get(canonical_name(name), (set(), False))
        result[canonical_name(name)] = (versions | {version}, always or not marker.strip())
    return result


def refused(text: str) -> list[str]:
    """Return `name==version` of each compromised release that a lock names."""
    return [
        f"{name}=={version}"
        for name, (versions, _) in sorted(pins(text).items())
        for version in sorted(versions & COMPROMISED.get(name, frozenset()))
    ]


def differences(installed: dict[str, str], text: str, wheels: dict[str, str]) -> list[str]:
    """Return how installed distributions differ from lock and wheels, one line each.

    Args:
        installed: version by normalised name.
        text: content of the lock.
        wheels: version by normalised name of what is installed beside the lock.
    """
    locked = pins(text)
    found = []
    for name, version in sorted(installed.items()):
        if name in wheels:
            if wheels[name] != version:
                found.append(f"altered: {name} is {version}, the wheel is {wheels[name]}")
        elif name not in locked:
            found.append(f"extra: {name} {version} is not in the lock")
        elif version not in locked[name][0]:
            found.append(f"altered: {name} is {version}, the lock says {', '.join(sorted(locked[name][0]))}")
    needed = {name for name, (_, always) in locked.items() if always} | set(wheels)
    found += [f"missing: {name} is not installed" for name in sorted(needed - set(installed))]
    return found


def mismatched(output: str) -> bool:
    """Return whether an installer refused a distribution for its hash."""
    return any(words in output.lower() for words in MISMATCHES)


def unreachable(output: str) -> bool:
    """Return whether an installer could not reach a package index."""
    return any(words in output.lower() for words in UNREACHABLE)


def untrusted(output: str) -> bool:
    """Return whether an installer refused an index for its certificate."""
    return any(words in output.lower() for words in UNTRUSTED)


def installation_failure(message: str, output: str) -> str:
    """Return why an installation failed in one line.

    Args:
        message: what was done; output: what the installer printed last.
    """
    lines = (line.strip().removeprefix("npm ") for line in output.splitlines())
    cause = next((line for line in lines if line.lower().startswith("error")), "")
    return f"{message}: {cause}" if cause else message
