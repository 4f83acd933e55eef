"""Wheels of what is installed here, made again from their RECORDs: real environments can be built without a network."""

from __future__ import annotations

import hashlib
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

LANE = ("execnet", "iniconfig", "msgspec", "packaging", "pluggy", "pygments", "pytest", "pytest-timeout", "pytest-xdist")
"""What a lane needs, with everything that these need on Linux."""


def repack(name: str, into: Path) -> Path:
    """Write an installed distribution as a wheel and return its path."""
    installed = distribution(name)
    tags = (installed.read_text("WHEEL") or "").split("Tag: ")[1:]
    tag = tags[0].split()[0]
    target = into / f"{installed.metadata['Name'].replace('-', '_')}-{installed.version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in _files(installed):
            archive.writestr(zipfile.ZipInfo(path), content)
    return target


def _files(installed: Distribution) -> list[tuple[str, bytes]]:
    """Return the packed files; scripts and byte code are made by the installer."""
    kept = [
        (str(file), Path(str(installed.locate_file(file))).read_bytes())
        for file in sorted(installed.files or (), key=str)
        if not str(file).startswith("..") and file.suffix != ".pyc" and file.name not in ("INSTALLER", "REQUESTED")
    ]
    # A RECORD line for a file that is not packed would be an error.
    packed = {path for path, _ in kept}
    record = next(path for path in packed if path.endswith(".dist-info/RECORD"))
    lines = dict(kept)[record].decode().splitlines()
    text = "\n".join(line for line in lines if line.split(",")[0] in packed) + "\n"
    return [(path, text.encode() if path == record else content) for path, content in kept]


def make_wheel(name: str, version: str, into: Path, body: str = "") -> Path:
    """Write a wheel with one module that nobody needs."""
    target = into / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"{name}.py", body)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
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
    return lock_of([repack(name, into) for name in LANE])
