"""Wheels of what is installed here, made again from their RECORDs: real environments can be built without a network."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from greenlane.environment.wheels import repack

LANE = (
    "execnet",
    "iniconfig",
    "msgspec",
    "packaging",
    "pluggy",
    "pygments",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
)
"""What a lane needs, with everything that these need on Linux."""


def make_wheel(name: str, version: str, into: Path, body: str = "", needs: tuple[str, ...] = ()) -> Path:
    """Write a wheel with one module that nobody needs; `needs` are the requirements that it declares."""
    target = into / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"{name}.py", body)
        required = "".join(f"Requires-Dist: {need}\n" for need in needs)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return target


def lock_of(wheels: list[Path]) -> str:
    """Return a hashed requirements file that pins wheels."""
    lines = []
    for wheel in sorted(wheels):
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-').lower()}=={version} \\\n    --hash=sha256:{digest}\n")
    return "".join(lines)


def build_wheelhouse(into: Path) -> str:
    """Fill a folder with the wheels of a lane and return the lock that pins them."""
    into.mkdir(parents=True, exist_ok=True)
    # A universal lock names what pytest needs on Windows, too.
    make_wheel("colorama", "0.4.6", into)
    return lock_of([repack(name, into) for name in LANE])
