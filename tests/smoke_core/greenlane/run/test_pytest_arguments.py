"""The command line of a lane's pytest."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.config.lanes import Lane, LaneKind
from greenlane.run.pytest_arguments import pytest_arguments, worker_count


def arguments(workers: int = 0, color: bool = False, **fields: Any) -> tuple[str, ...]:
    """Return the arguments for a lane."""
    lane = Lane(**{"kind": LaneKind.DETERMINISTIC, "tests": ("tests/a", "tests/b"), **fields})
    return pytest_arguments(lane, artifacts="/art", scratch="/scr", workers=workers, color=color)


def test_a_lane_gets_its_tests_first_and_writes_only_where_it_may() -> None:
    """Cache and temporary folders lie in the scratch folder, JUnit in the artifacts."""
    found = arguments()

    assert found[:2] == ("tests/a", "tests/b")
    assert "--junitxml=/art/junit.xml" in found
    assert "--basetemp=/scr/pytest" in found
    assert "cache_dir=/scr/pytest-cache" in found


@pytest.mark.parametrize(("color", "word"), [(True, "--color=yes"), (False, "--color=no")])
def test_colour_is_said_because_the_lane_has_no_terminal(color: bool, word: str) -> None:
    """The lane's output goes through a pipe; only control knows where it ends."""
    assert word in arguments(color=color)


@pytest.mark.parametrize(
    ("seconds", "words"), [(60.0, {"--timeout=60", "--timeout-method=signal"}), (0.5, {"--timeout=0.5"}), (0.0, set())]
)
def test_a_test_deadline_is_passed_unless_it_is_off(seconds: float, words: set[str]) -> None:
    """0 disables."""
    found = {word for word in arguments(test_timeout=seconds) if word.startswith("--timeout")}

    assert found >= words
    assert bool(found) is bool(words)


@pytest.mark.parametrize(
    ("kind", "workers", "spread"),
    [
        (LaneKind.DETERMINISTIC, 0, ()),
        (LaneKind.DETERMINISTIC, 3, ("-n", "3", "--dist", "worksteal")),
        (LaneKind.NONDETERMINISTIC, 3, ("-n", "3", "--dist", "loadfile")),
    ],
)
def test_workers_share_tests_as_the_kind_needs(kind: LaneKind, workers: int, spread: tuple[str, ...]) -> None:
    """Without workers xdist is not used; where fixtures are dear, files stay together."""
    found = arguments(workers, kind=kind)

    assert found[len(found) - len(spread) :] == spread
    assert ("-n" in found) is bool(spread)


@pytest.mark.parametrize(
    ("workers", "wished", "count"),
    [
        pytest.param("auto", "", 8, id="one-per-core"),
        pytest.param("auto", "3", 3, id="as-wished"),
        pytest.param("auto", "0", 0, id="none-wished"),
        pytest.param("auto", "many", 8, id="unreadable-wish"),
        pytest.param("auto", "²", 8, id="digit-that-is-no-number"),
        pytest.param("auto", "-1", 8, id="negative-wish"),
        pytest.param(2, "5", 2, id="configured-number-wins"),
    ],
)
def test_worker_count(workers: int | str, wished: str, count: int) -> None:
    """PYTEST_XDIST_AUTO_NUM_WORKERS speaks where the lane says `auto`."""
    lane = Lane(kind=LaneKind.DETERMINISTIC, tests=("t",), workers=workers)

    assert worker_count(lane, 8, wished) == count
