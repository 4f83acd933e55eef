"""What a lock says, and how an environment may differ from it."""

from __future__ import annotations

import pytest

from greenlane.environment.lock_file import differences, pins, refused
from greenlane.util.checkout import canonical_name

LOCK = """\
# a comment ==1.0
Foo_Bar==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:11
    # via project
extra[one,two]==2.0 ; sys_platform == 'linux' \\
    --hash=sha256:22
numpy==1.26.4 ; python_full_version < '3.12' \\
    --hash=sha256:33
numpy==2.0.0 ; python_full_version >= '3.12' \\
    --hash=sha256:44
plain==3.0+cpu \\
    --hash=sha256:55
"""
INSTALLED = {"foo-bar": "1.0", "plain": "3.0+cpu", "greenlane": "0.1.0"}
WHEELS = {"greenlane": "0.1.0"}


def test_pins_are_read_with_versions_and_markers() -> None:
    """Names are normalised; a name with markers only may be absent; two versions are both allowed."""
    assert pins(LOCK) == {
        "foo-bar": ({"1.0"}, True),
        "extra": ({"2.0"}, False),
        "numpy": ({"1.26.4", "2.0.0"}, False),
        "plain": ({"3.0+cpu"}, True),
    }


@pytest.mark.parametrize(
    ("changes", "wheels", "found"),
    [
        pytest.param({}, WHEELS, [], id="as-locked"),
        pytest.param({"numpy": "2.0.0", "extra": "2.0"}, WHEELS, [], id="with-what-markers-allow"),
        pytest.param({"plain": None}, WHEELS, ["missing: plain is not installed"], id="missing"),
        pytest.param({"greenlane": None}, WHEELS, ["missing: greenlane is not installed"], id="wheel-missing"),
        pytest.param({"six": "1.17"}, WHEELS, ["extra: six 1.17 is not in the lock"], id="extra"),
        pytest.param({"foo-bar": "1.1"}, WHEELS, ["altered: foo-bar is 1.1, the lock says 1.0"], id="altered"),
        pytest.param(
            {"numpy": "2.1.0"}, WHEELS, ["altered: numpy is 2.1.0, the lock says 1.26.4, 2.0.0"], id="altered-fork"
        ),
        pytest.param(
            {"greenlane": "0.0.9"}, WHEELS, ["altered: greenlane is 0.0.9, the wheel is 0.1.0"], id="wheel-altered"
        ),
        pytest.param({}, {}, ["extra: greenlane 0.1.0 is not in the lock"], id="wheel-of-nobody"),
    ],
)
def test_each_difference_is_named(changes: dict[str, str | None], wheels: dict[str, str], found: list[str]) -> None:
    """Missing, extra and altered distributions, each in one line with both versions."""
    installed = {name: version for name, version in {**INSTALLED, **changes}.items() if version is not None}

    assert differences(installed, LOCK, wheels) == found


def test_compromised_releases_are_refused_by_name() -> None:
    """A hash proves that a file is the published one, not that it is harmless."""
    assert refused("LiteLLM==1.82.8 \\\n    --hash=sha256:00\nfoo==1.82.8\n") == ["litellm==1.82.8"]
    assert refused("litellm==1.82.6\n") == []


def test_names_are_compared_as_packaging_does() -> None:
    """Runs of `-`, `_` and `.` are one dash; case does not count."""
    assert canonical_name("Foo__Bar.-baz") == "foo-bar-baz"
