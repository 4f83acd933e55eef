"""The command line of a lane's pytest."""

from __future__ import annotations

from greenlane.config.lanes import Lane, LaneKind
from greenlane.evidence.artifacts import JUNIT


def pytest_arguments(
    lane: Lane, *, artifacts: str, scratch: str, workers: int, color: bool, only: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return the arguments of pytest for one lane or shard.

    Args:
        artifacts: folder of this lane or shard; scratch: its private temporary folder.
        workers: processes to start; 0 runs in one process without xdist.
        color: whether the output goes to a terminal.
        only: node ids that are run instead of the whole lane.
    """
    timeout = (f"--timeout={lane.test_timeout:g}", "--timeout-method=signal") if lane.test_timeout else ()
    # Whole files stay on one worker where module fixtures are dear: real processes, containers, models.
    dear = lane.kind is LaneKind.NONDETERMINISTIC
    spread = ("-n", str(workers), "--dist", "loadfile" if dear else "worksteal") if workers else ()
    return (
        *(only or lane.tests),
        "-ra",
        f"--color={'yes' if color else 'no'}",
        f"--junitxml={artifacts}/{JUNIT}",
        "-o",
        "junit_family=xunit2",
        # What a failed test printed belongs to its failure, in every report.
        "-o",
        "junit_logging=all",
        "-o",
        "junit_log_passing_tests=false",
        "-o",
        f"cache_dir={scratch}/pytest-cache",
        f"--basetemp={scratch}/pytest",
        *timeout,
        *spread,
    )


def worker_count(lane: Lane, cores: int, requested: str) -> int:
    """Return how many worker processes a lane gets.

    Args:
        cores: processors of this machine.
        requested: value of PYTEST_XDIST_AUTO_NUM_WORKERS, empty for none.
    """
    if lane.workers != "auto":
        return int(lane.workers)
    return int(requested) if requested.strip().isdecimal() else cores
