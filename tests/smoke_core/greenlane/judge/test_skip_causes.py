"""What a skipped test needs, compared with what a run is."""

from __future__ import annotations

import pytest

from greenlane.evidence.ledger import Facts, SkipEntry
from greenlane.judge.skip_causes import needs_met, suggested_cause
from support.evidence import but

HERE = Facts(platform="linux", python="3.12.4", implementation="cpython", privilege="user", imports=("attr", "msgspec"))


def needs(**cause: str) -> SkipEntry:
    """Return an entry with one cause."""
    return SkipEntry(test="*", why="w", since="2026-01-31", who="Ann", **cause)


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("platform", "linux", True),
        ("platform", "win32", False),
        ("platform", "darwin, linux", True),
        ("platform", "!linux", False),
        ("platform", "!win32", True),
        ("platform", "!win32, !darwin", True),
        ("python", ">=3.12", True),
        ("python", ">=3.13", False),
        ("python", "<3.12", False),
        ("python", ">=3.11,<3.13", True),
        ("python", "==3.12", True),
        ("python", "!=3.12", False),
        ("python", ">3.12.4", False),
        ("python", ">=3.9", True),
        ("python", ">3.9, <=3.12", True),
        ("implementation", "cpython", True),
        ("implementation", "pypy", False),
        ("implementation", "!pypy", True),
        ("privilege", "root", False),
        ("privilege", "user", True),
        ("dependency", "numpy", False),
        ("dependency", "attr", True),
        ("dependency", "attr.validators", True),
        ("elsewhere", "nd", None),
    ],
)
def test_the_cause_is_compared_with_the_run(name: str, value: str, met: bool | None) -> None:
    """True where the run has what the test needs, so that it must run there; False where it may be skipped."""
    assert needs_met(needs(**{name: value}), HERE) is met


@pytest.mark.parametrize(
    ("name", "value"), [("platform", "win32"), ("python", "<3.11"), ("privilege", "root"), ("dependency", "numpy")]
)
def test_what_is_unknown_proves_nothing(name: str, value: str) -> None:
    """Evidence that does not say what it is of excuses no skip."""
    assert needs_met(needs(**{name: value}), Facts()) is None


def test_versions_before_a_release() -> None:
    """What follows the numbers of a version is no part of the comparison."""
    assert needs_met(needs(python=">=3.15"), but(HERE, python="3.15.0rc1"))


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Windows only", ("platform", "win32")),
        ("forking one thread needs the Solaris os.fork1", ("platform", "sunos")),
        ("condition: sys.platform != 'darwin'", ("platform", "darwin")),
        ("not supported on Linux", ("platform", "!linux")),
        ("PyPy has no refcounts to look at", ("implementation", "pypy")),
        ("CPython only leaks here", ("implementation", "!cpython")),
        ("requires Python 3.14", ("python", ">=3.14")),
        ("removed in python 3.12", ("python", "<3.12")),
        ("condition: sys.version_info < (3, 14)", ("python", ">=3.14")),
        ("must be root", ("privilege", "root")),
        ("could not import 'numpy.linalg': No module named 'numpy'", ("dependency", "numpy.linalg")),
        ("brotli not installed", ("dependency", "brotli")),
        ("attr is required", None),
        ("could not import 'tkinter'", None),
        ("flaky on Tuesdays", None),
    ],
)
def test_a_reason_that_speaks_of_a_cause(reason: str, cause: tuple[str, str] | None) -> None:
    """A proposal is made only where it holds for the run in which the test was skipped."""
    assert suggested_cause(reason, HERE) == cause
    assert cause is None or needs_met(needs(**dict([cause])), HERE) is False
