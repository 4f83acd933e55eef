"""Coded reasons for red, and the one table that explains them."""

from __future__ import annotations

import enum

import msgspec


class Code(enum.StrEnum):
    """Stable names of everything that can make a verdict red."""

    NO_TESTS = "NO_TESTS"
    MISSING_OUTCOME = "MISSING_OUTCOME"
    EXIT_MISMATCH = "EXIT_MISMATCH"
    JUNIT_MISMATCH = "JUNIT_MISMATCH"
    FAILED = "FAILED"
    ERROR = "ERROR"
    SKIPPED = "SKIPPED"
    EXPECTED_NOT_RUN = "EXPECTED_NOT_RUN"
    PARTIAL = "PARTIAL"
    TIMED_OUT = "TIMED_OUT"
    OVER_BUDGET = "OVER_BUDGET"
    COVERAGE_LOW = "COVERAGE_LOW"
    FLAKY_IN_CORE = "FLAKY_IN_CORE"
    RED_BY_CHANCE = "RED_BY_CHANCE"
    LEAK = "LEAK"
    UNHANDLED = "UNHANDLED"
    NETWORK = "NETWORK"
    DRIFT = "DRIFT"
    ADDRESS_DRIFT = "ADDRESS_DRIFT"
    GROUP_MISSING = "GROUP_MISSING"
    CONFIG_ERROR = "CONFIG_ERROR"
    SERVICE_DOWN = "SERVICE_DOWN"
    BAD_REQUEST_SEEN = "BAD_REQUEST_SEEN"
    CANNED = "CANNED"
    SHARD_GAP = "SHARD_GAP"
    SHARD_OVERLAP = "SHARD_OVERLAP"
    SHARD_MISMATCH = "SHARD_MISMATCH"
    LANE_GAP = "LANE_GAP"
    LANE_OVERLAP = "LANE_OVERLAP"
    STALE = "STALE"
    TRUNCATED = "TRUNCATED"
    QUARANTINE_EXPIRED = "QUARANTINE_EXPIRED"
    LEDGER = "LEDGER"
    LIVE_LEAK = "LIVE_LEAK"
    EXTENSION = "EXTENSION"
    INTERRUPTED = "INTERRUPTED"


class Explanation(msgspec.Struct, frozen=True):
    """One sentence on what a code means, and the step to take next."""

    meaning: str
    next_step: str


EXPLANATIONS: dict[Code, Explanation] = {
    Code.NO_TESTS: Explanation(
        "A required lane or shard collected nothing or ran nothing.",
        "Check `tests` of the lane in [tool.greenlane] and that the files match pytest's naming rules.",
    ),
    Code.MISSING_OUTCOME: Explanation(
        "A collected test has no final outcome.",
        "Look for a killed worker, `os._exit`, a crash or a hang in the named test.",
    ),
    Code.EXIT_MISMATCH: Explanation(
        "The exit status and the journal do not tell the same story.",
        "Look for a plugin or conftest hook that changes the exit status, and run the lane again.",
    ),
    Code.JUNIT_MISMATCH: Explanation(
        "The JUnit file and the journal do not tell the same story.",
        "Look for a plugin or test that changes reports or writes junit.xml, and run the lane again.",
    ),
    Code.FAILED: Explanation("A test failed.", "Read the cause, then what the test printed."),
    Code.ERROR: Explanation(
        "Something outside a test's own body failed: collection, set-up, tear-down or the runner.",
        "Read the cause, then the output of the lane.",
    ),
    Code.SKIPPED: Explanation(
        "A test did not run where it must, or gave no reason for not running.",
        "Make it run, or move it to a lane that has what it needs; `greenlane ledger accept` lists a cause that holds.",
    ),
    Code.EXPECTED_NOT_RUN: Explanation(
        "Something named as expected was skipped, closed or absent.",
        "Provide what the reason names, or take the name out of READINESS_EXPECT or the policy.",
    ),
    Code.PARTIAL: Explanation(
        "Less than the whole lane ran: selection options, tests dropped or never collected, or an early stop.",
        "Run without selection (PYTEST_ADDOPTS, addopts, --maxfail) and hooks that drop tests; see the named line.",
    ),
    Code.TIMED_OUT: Explanation(
        "A test or the lane ran into its deadline.",
        "See which test was running; raise test_timeout or budget only if the time is well spent.",
    ),
    Code.OVER_BUDGET: Explanation(
        "The lane took longer than its budget.", "Make the slowest tests faster, shard the lane, or raise its budget."
    ),
    Code.COVERAGE_LOW: Explanation(
        "Coverage is under the lane's fail_under, or was not measured.",
        "See the uncovered lines in the coverage report under the artifacts folder.",
    ),
    Code.FLAKY_IN_CORE: Explanation(
        "The same test both passed and failed on the same tree in a deterministic lane.",
        "Find what the test depends on (order, time, randomness); do not run it again until it is green.",
    ),
    Code.RED_BY_CHANCE: Explanation(
        "At the rate that was measured, a k-of-n check would be red by chance in more than 1 % of runs.",
        "Take the n or k that the message names, or make the single sample likelier to pass.",
    ),
    Code.LEAK: Explanation(
        "A test left state behind.", "Restore it in the test: monkeypatch.setattr and fixtures undo themselves."
    ),
    Code.UNHANDLED: Explanation(
        "A thread or a finalizer raised, or nobody awaited a coroutine, where no test could catch it.",
        "Join the thread, close or await in the test; @pytest.mark.leaks(reason) for a test that does it on purpose.",
    ),
    Code.NETWORK: Explanation(
        "A deterministic lane tried to leave its loopback, or its isolation could not be enforced or proved.",
        "Start what the test needs on loopback, or move the test to a lane with a network.",
    ),
    Code.DRIFT: Explanation(
        "The lane environment is not what the lock and the wheel say, or the lane hid or switched off a part of it.",
        "Change the lock with `nox -s lock`; never install by hand. The environment is rebuilt before the next run.",
    ),
    Code.ADDRESS_DRIFT: Explanation(
        "Two variables name different addresses for the one base.", "Set one of them, or give both the same value."
    ),
    Code.GROUP_MISSING: Explanation(
        "The router configuration lacks a required model group.", "Add the group to model_list of the named file."
    ),
    Code.CONFIG_ERROR: Explanation("A setting is wrong.", "Correct the named key; the message lists what is allowed."),
    Code.SERVICE_DOWN: Explanation(
        "A service that the lane needs did not start, is not ours, or died during the run.",
        "Read the end of the service's log in the artifacts folder.",
    ),
    Code.BAD_REQUEST_SEEN: Explanation(
        "A service refused requests as wrong (HTTP 400) that no test had announced.",
        "See the service's log; mend the request, or announce it on the test that means it: @pytest.mark.refused(n).",
    ),
    Code.CANNED: Explanation(
        "A check that must meet a real model shows no answer that a model can have given.",
        "See who answered: an echo or shim mode, a dummy model, a stub upstream; show real answers with `answered`.",
    ),
    Code.SHARD_GAP: Explanation(
        "The shards together do not cover the whole collection.", "Run every shard of the same commit again."
    ),
    Code.SHARD_OVERLAP: Explanation("A test ran in two shards.", "Run every shard of the same commit again."),
    Code.SHARD_MISMATCH: Explanation(
        "The shards were cut from different collections or plans.",
        "Run every shard of the same commit again, by one plan: `greenlane plan --out FILE`, then `--plan FILE`.",
    ),
    Code.LANE_GAP: Explanation(
        "A test of the project is in no lane.",
        "Let a lane take it: by `tests`, `marks` or `exclude` of the lanes, or by a move in the ledger.",
    ),
    Code.LANE_OVERLAP: Explanation(
        "A test is in two lanes.", "Let one of them leave it out, by `marks`, `exclude` or a deeper path in `tests`."
    ),
    Code.STALE: Explanation(
        "An artifact is from another commit, tree state, lock or run.",
        "Run the lane again on this tree; do not edit files while it runs.",
    ),
    Code.TRUNCATED: Explanation(
        "A journal or report is damaged, missing or was written by somebody else.",
        "Run the lane again; see whether the disk is full, or a test writes into the artifacts.",
    ),
    Code.QUARANTINE_EXPIRED: Explanation(
        "A quarantined test has no issue, is past its date, or is not there any more.",
        "Repair the test and promote it, renew its entry with an issue, or take out the entry of a test that has gone.",
    ),
    Code.LEDGER: Explanation(
        "An entry of the ledger is false, cannot be proved, or excuses nothing any more.",
        "Take it out: `greenlane ledger tidy` does, and shows it before; or correct its cause.",
    ),
    Code.LIVE_LEAK: Explanation(
        "The value of a secret was found in an artifact; it has been redacted.",
        "Revoke the secret, then find what printed it.",
    ),
    Code.EXTENSION: Explanation(
        "An installed extension objects, or failed.",
        "Read the message; correct what the extension names, or install its distribution again, or remove it.",
    ),
    Code.INTERRUPTED: Explanation("The run was stopped before its end.", "Run it again."),
}


class Violation(msgspec.Struct, frozen=True):
    """One reason for red.

    Attributes:
        code: what kind of reason.
        message: what happened, in one line.
        subject: the test, file or service that it is about; empty when it is the lane.
        check: the check that it makes red.
        cause: first line of the failure; empty when there is none.
        path: file to look at, relative to the project; line: its line, 0 for unknown.
        raised: `file:line` of a library that raised what that line called; empty when it raised it itself.
        thing: what was left changed, where several tests can have changed it; empty for none.
        gating: whether it makes the verdict red; false for warnings.
    """

    code: Code
    message: str
    subject: str = ""
    check: str = ""
    cause: str = ""
    path: str = ""
    line: int = 0
    raised: str = ""
    thing: str = ""
    gating: bool = True

    @property
    def next_step(self) -> str:
        """The step to take next."""
        return EXPLANATIONS[self.code].next_step
