"""The walls of a lane: environment, state, network, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.journal import Leaked, NetworkAttempt, Unhandled
from support.evidence import PYTHON, codes, lane, nd, proof, verdict_on

NODE = "tests/test_a.py::test_one"


def leaked(**fields: Any) -> Leaked:
    """Return a leak of an environment variable."""
    told = {"worker": "main", "at": 0.0, "nodeid": NODE, "watcher": "environ", "what": "TOKEN"}
    return Leaked(**{**told, **fields})


def unhandled(**fields: Any) -> Unhandled:
    """Return an exception of a thread."""
    told = {"worker": "main", "at": 0.0, "nodeid": NODE, "what": "ValueError: late in thread worker"}
    return Unhandled(**{**told, **fields})


def attempt(**fields: Any) -> NetworkAttempt:
    """Return an attempt to reach a host of the documentation network."""
    told = {"worker": "main", "at": 0.0, "nodeid": NODE, "operation": "connect", "address": "192.0.2.1:443"}
    return NetworkAttempt(**{**told, **fields})


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param(lane(drift=("extra: six 1.17 is not in the lock",)), ["DRIFT"], id="environment"),
        pytest.param(lane(journal={"plugins": ()}), ["DRIFT"], id="plugin-did-not-load"),
        pytest.param(lane(journal={"plugins": ("0.0.1",)}), ["DRIFT"], id="plugin-of-another-version"),
        pytest.param(lane(journal={"interpreters": ("/usr/bin/python3",)}), ["DRIFT"], id="another-interpreter"),
        pytest.param(lane(journal={"interpreters": (PYTHON, "/usr/bin/python3")}), ["DRIFT"], id="in-one-worker"),
        pytest.param(lane(journal={"leaks": (leaked(),)}), ["LEAK"], id="leak"),
        pytest.param(lane(journal={"leaks": (leaked(level="warn"),)}), [], id="leak-that-warns"),
        pytest.param(nd(journal={"leaks": (leaked(),)}), ["LEAK"], id="leak-in-nd"),
        pytest.param(lane(journal={"unhandled": (unhandled(),)}), ["UNHANDLED"], id="unhandled"),
        pytest.param(nd(journal={"unhandled": (unhandled(nodeid=""),)}), ["UNHANDLED"], id="unhandled-of-nobody"),
        pytest.param(nd(journal={"unhandled": (unhandled(excused=True),)}), [], id="unhandled-on-purpose"),
        pytest.param(lane(journal={"network": (attempt(),)}), ["NETWORK"], id="network-in-core"),
        pytest.param(nd(journal={"network": (attempt(),), "hermetic": ()}), [], id="network-in-nd"),
        pytest.param(nd(journal={"network": (attempt(),)}), ["NETWORK"], id="network-in-nd-that-reaches-one-place"),
        pytest.param(lane(journal={"hermetic": ()}), ["NETWORK"], id="no-proof"),
        pytest.param(lane(journal={"hermetic": (proof(), proof("python"))}), ["NETWORK"], id="a-weaker-proof"),
        pytest.param(lane(secrets_found=("OPENAI_API_KEY in output.log",)), ["LIVE_LEAK"], id="secret"),
        pytest.param(nd(hermetic="none"), [], id="nd-need-not-be-hermetic"),
        pytest.param(nd(hermetic="none", journal={"hermetic": (proof("none"),)}), ["NETWORK"], id="nd-guard-is-off"),
    ],
)
def test_a_breach_has_its_code(evidence: LaneEvidence, expected: list[str]) -> None:
    """Each breach of isolation makes exactly its own code."""
    assert codes(verdict_on(evidence)) == expected


@pytest.mark.parametrize("level", ["python", "none", "kernell"])
def test_less_than_kernel_isolation_warns_and_is_red_when_strict(level: str) -> None:
    """A refused namespace is said loudly; a strict verdict does not accept it."""
    evidence = lane(hermetic=level, hermetic_reason="user namespaces are off")

    loose, strict = verdict_on(evidence), verdict_on(evidence, strict=True)

    assert (codes(loose), codes(loose.warnings), loose.exit_code) == ([], ["NETWORK"], 0)
    assert (codes(strict), codes(strict.warnings), strict.exit_code) == (["NETWORK"], [], 1)
    assert loose.warnings[0].message == f"hermetic level is {level}, not kernel: user namespaces are off"


@pytest.mark.parametrize("evidence", [nd(journal={"hermetic": ()}), lane(hermetic="python", journal={"hermetic": ()})])
def test_no_guard_without_a_proof(evidence: LaneEvidence) -> None:
    """Where only Python guards a lane, or what it may reach, the guard must have said that it stands."""
    assert codes(verdict_on(evidence, reaching=("nd",))) == ["NETWORK"]


def test_a_leak_tells_what_changed_and_where() -> None:
    """The one who broke it can find the line."""
    leak = leaked(before="None", after="'x'", where="tests/test_a.py:12")
    (violation,) = verdict_on(lane(journal={"leaks": (leak,)})).violations

    assert violation.message == f"{NODE} left environ TOKEN changed from None to 'x' at tests/test_a.py:12"
    assert (violation.path, violation.line, violation.subject) == ("tests/test_a.py", 12, NODE)


def test_a_leak_of_unknown_place_has_no_line() -> None:
    """No line is better than a wrong one."""
    (violation,) = verdict_on(lane(journal={"leaks": (leaked(),)})).violations

    assert (violation.path, violation.line) == ("", 0)


def test_network_use_outside_tests_is_told_as_such() -> None:
    """Import time and plugins count, though no test can be named."""
    (violation,) = verdict_on(lane(journal={"network": (attempt(nodeid="", where="conftest.py:3"),)})).violations

    assert violation.message == "code outside any test tried connect 192.0.2.1:443 at conftest.py:3"


def test_an_environment_that_could_not_be_built_is_drift_and_says_why() -> None:
    """Without an environment there is no plugin to miss: the reason is told, not its consequences."""
    nothing: dict[str, Any] = {"run_ids": (), "plugins": (), "interpreters": (), "collected": (), "selected": (),
                               "collections": (), "outcomes": (), "exit_statuses": ()}  # fmt: skip
    evidence = lane(
        failure="installing core.txt failed", drift=("installing core.txt failed",), exit_status=None, lock="",
        hermetic="none", journal=nothing, junit=[],
    )  # fmt: skip

    assert codes(verdict_on(evidence, locks={"core": "10c4" * 16}, strict=True)) == ["DRIFT"]
