"""Where a repository gets greenlane from: an index, or a wheel or folder of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from greenlane.environment.installers import find_uv, run
from greenlane.errors import ConfigError, UnreachableIndexError
from greenlane.version import VERSION

USUAL = "greenlane[control]"
METADATA = '# /// script\n# dependencies = ["{requirement}", "nox"]\n# ///\n'
GUARDED = """\
try:
    from greenlane.nox_sessions import register_lanes
except ModuleNotFoundError:
    raise SystemExit("greenlane is not installed beside nox; see greenlane init --harness") from None
"""
IMPORT = "from greenlane.nox_sessions import register_lanes\n"


def harness_requirement(root: Path, words: str) -> str:
    """Return the requirement by which nox installs the harness.

    Args:
        root: the repository.
        words: path of a wheel, of a folder with one or of a checkout, or a requirement; relative to the repository.

    Raises:
        ConfigError: there is no such file, no wheel of greenlane in it, or the requirement asks for something else.
    """
    path = root / words
    if path.is_dir():
        wheels = sorted(path.glob("greenlane-*.whl"), key=lambda wheel: wheel.stat().st_mtime)
        if not wheels and not (path / "pyproject.toml").is_file():
            raise ConfigError(
                f"--harness: no wheel of greenlane is in {path}", "name a wheel, or a folder that has one"
            )
        return _of_path(root, wheels[-1] if wheels else path)
    if path.is_file():
        if not re.fullmatch(r"greenlane-[^-]+-.*\.whl", path.name):
            raise ConfigError(f"--harness: {path.name} is no wheel of greenlane")
        return _of_path(root, path)
    named = re.fullmatch(r"greenlane\s*(?:\[([\w, -]*)\])?\s*((?:[<>=!~@].*)?)", words.strip())
    if not named or '"' in words:
        step = "name a wheel, a folder, or a requirement such as greenlane>=0.2"
        raise ConfigError(f"--harness: {words!r} is neither there nor a requirement of greenlane", step)
    extras = dict.fromkeys(["control", *(word.strip() for word in (named[1] or "").split(",") if word.strip())])
    return f"greenlane[{','.join(extras)}]{' ' if named[2].startswith('@') else ''}{named[2]}"


def _of_path(root: Path, path: Path) -> str:
    """Return the requirement of a wheel or folder; one in the repository is named from there, for every machine."""
    place, top = path.resolve(), root.resolve()
    inside = place.is_relative_to(top)
    return f"{USUAL} @ {f'file:{place.relative_to(top).as_posix()}' if inside else place.as_uri()}"


def is_elsewhere(requirement: str) -> bool:
    """Return whether a requirement names a file that other machines do not have."""
    return " @ file:///" in requirement


def index_has_harness(root: Path, environ: Mapping[str, str]) -> bool:
    """Return whether the package index has this very greenlane; true where no index answers, for then nobody knows."""
    uv = find_uv(environ)
    if uv is None:
        return True
    words = [uv, "pip", "install", "--dry-run", "--quiet", "--no-deps", "--target", str(root / ".nox" / "none")]
    try:
        run([*words, f"greenlane=={VERSION}"], environ, "looking for greenlane", ConfigError)
    except UnreachableIndexError:
        return True
    except ConfigError:
        return False
    return True


def with_harness(noxfile: str, requirement: str) -> str:
    """Return a noxfile that brings greenlane by a requirement; with an empty one it brings none, and says so.

    Args:
        noxfile: text of the usual one.
        requirement: what nox installs.
    """
    usual = METADATA.format(requirement=USUAL)
    if requirement:
        return noxfile.replace(usual, METADATA.format(requirement=requirement))
    return noxfile.replace(f"{usual}\n", "").replace(IMPORT, GUARDED)
