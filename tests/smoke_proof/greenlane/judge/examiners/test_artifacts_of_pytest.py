"""Journal and JUnit as a real pytest writes them: whatever tests are called, the two agree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from greenlane.evidence.contract import CONTRACT_VARIABLE, Contract
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.reader import read_journal, read_junit
from greenlane.judge.judge import judge
from greenlane.version import VERSION
from support.evidence import but, codes, demand, lane, proof

SHAPES = """\
import threading

import pytest


@pytest.mark.parametrize("value", ["a/b", "x::y", "[z", "]]>", "é→", "a b", "n\\nl", "\\x1b[31m", "a.py", "|", "<&>"])
def test_named(value):
    pass


@pytest.mark.parametrize("sign", ["+", "*", "-"])
def test_signs(sign):
    assert sign != "*"


def test_é():
    pass


class TestOuter:
    class TestInner:
        def test_deep(self):
            pass

    @pytest.mark.parametrize("value", ["a/b::c"])
    def test_param(self, value):
        assert not value


@pytest.fixture
def broken():
    yield
    raise ValueError("in tear-down")


def test_teardown(broken):
    pass


def test_body_and_teardown(broken):
    assert 0


def test_skipped():
    pytest.skip("because")


@pytest.mark.xfail(run=False, reason="hangs")
def test_not_run():
    pass


@pytest.mark.xfail
def test_known():
    assert 0


@pytest.mark.xfail
def test_repaired():
    pass


@pytest.mark.xfail(strict=True)
def test_repaired_strictly():
    pass


@pytest.mark.timeout(0.05)
def test_hangs():
    threading.Event().wait(30)


@pytest.fixture
def slow():
    threading.Event().wait(30)


@pytest.mark.timeout(0.05)
def test_hangs_in_fixture(slow):
    pass
"""
FILES = {
    "tests/test_shapes.py": SHAPES,
    "tests/a [b]/test_place.py": "def test_here():\n    pass\n",
    "tests/sub/test_module_skip.py": 'import pytest\n\npytest.skip("whole", allow_module_level=True)\n',
    "tests/sub/test_import.py": "import there_is_no_such_module\n",
}


def run_pytest(project: Path, *words: str) -> LaneEvidence:
    """Run pytest under a contract in a project and return the evidence that it left."""
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    artifacts = project / "artifacts"
    artifacts.mkdir()
    contract = Contract(
        run_id="run", lane="core", kind="deterministic", project=str(project), artifacts=str(artifacts),
        arguments=(), tests=("tests",), plugin=VERSION,
    )  # fmt: skip
    (project / "contract.json").write_bytes(msgspec.json.encode(contract))
    passed = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GREENLANE"))}
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-m", "pytest", "tests", "-p", "no:cacheprovider", "--import-mode=importlib",
         "-p", "no:hypothesispytest", "--continue-on-collection-errors", f"--junitxml={artifacts}/junit.xml",
         "-o", "junit_family=xunit2", *words],
        cwd=project, env={**passed, CONTRACT_VARIABLE: str(project / "contract.json"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, timeout=150, check=False,
    )  # fmt: skip
    # This pytest runs in no lane: what it would prove of the network is not the question here.
    journal = msgspec.structs.replace(read_journal(artifacts / "journal.jsonl"), hermetic=(proof(),))
    record: dict[str, Any] = {"run_id": "run", "exit_status": done.returncode, "python": sys.executable}
    evidence = lane(**record)
    return but(evidence, journal=journal, junit=read_junit(artifacts / "junit.xml"))


@pytest.fixture(scope="module", params=[(), ("-n", "1")], ids=["one-process", "worker"])
def evidence(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LaneEvidence:
    """What pytest left of tests with every kind of name and end, run once."""
    return run_pytest(tmp_path_factory.mktemp("project"), *request.param)


def test_journal_and_junit_agree_on_every_name_and_end(evidence: LaneEvidence) -> None:
    """Module skips, collection errors, parameters and classes are the same tests in both; only true reasons remain."""
    verdict = judge(demand(plugin=VERSION), [evidence])

    assert [v.message for v in verdict.violations if v.code.value == "JUNIT_MISMATCH"] == []
    assert codes(verdict) == ["ERROR"] * 2 + ["FAILED"] * 4 + ["SKIPPED"] * 3 + ["TIMED_OUT"] * 2
    assert evidence.junit is not None
    assert len({(case.classname, case.name) for case in evidence.junit}) == 29


@pytest.mark.parametrize(
    ("classname", "name"),
    [
        pytest.param("", "tests.sub.test_module_skip", id="module-skip"),
        pytest.param("", "tests.sub.test_import", id="collection-error"),
        pytest.param("tests.test_shapes", "test_named[a/b]", id="slash"),
        pytest.param("tests.test_shapes", "test_named[x::y]", id="colons"),
        pytest.param("tests.test_shapes", "test_named[[z]", id="bracket"),
        pytest.param("tests.test_shapes.TestOuter", "test_param[a/b::c]", id="in-a-class"),
        pytest.param("tests.test_shapes.TestOuter.TestInner", "test_deep", id="in-a-class-in-a-class"),
        pytest.param("tests.test_shapes", "test_é", id="unicode"),
        pytest.param("tests.test_shapes", "test_signs[+]", id="sign"),
        pytest.param("tests.a [b].test_place", "test_here", id="bracket-in-a-folder"),
    ],
)
def test_a_case_that_disappears_from_junit_is_missed(evidence: LaneEvidence, classname: str, name: str) -> None:
    """The agreement is exact: take any one case away, and it is named."""
    assert evidence.junit is not None
    rest = tuple(case for case in evidence.junit if (case.classname, case.name) != (classname, name))
    assert len(rest) < len(evidence.junit)

    verdict = judge(demand(plugin=VERSION), [but(evidence, junit=rest)])

    shown = f"{classname}.{name}" if classname else name
    assert [v.message for v in verdict.violations if v.code.value == "JUNIT_MISMATCH"] == [
        f"1 tests are not in the JUnit file, {shown} among them"
    ]


def test_a_module_that_skips_itself_is_a_skip_with_its_reason(evidence: LaneEvidence) -> None:
    """It has no tests, and yet is not silent; controller and worker saw it, and it is told once."""
    skips = [test for test in evidence.journal.outcomes if test.nodeid == "tests/sub/test_module_skip.py"]

    assert [(test.outcome, test.reason, test.ran) for test in skips] == [(Outcome.SKIPPED, "whole", False)]


def test_own_deadlines_are_timed_out_by_name(evidence: LaneEvidence) -> None:
    """The message of the installed pytest-timeout is recognised, in body and fixture."""
    verdict = judge(demand(plugin=VERSION), [evidence])

    hung = {v.subject.split("::")[1] for v in verdict.violations if v.code.value == "TIMED_OUT"}
    assert hung == {"test_hangs", "test_hangs_in_fixture"}
