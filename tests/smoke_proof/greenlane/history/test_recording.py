"""Lanes are remembered: what is recorded of a run, and that recording never fails one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from greenlane.evidence.history import Past
from greenlane.evidence.samples import SampleGroup
from greenlane.history import spool
from greenlane.history.recording import recorded
from support.evidence import codes, failed, lane, nd, outcome, verdict_on
from support.remembered import run_of
from support.tiny import CORE, TinyProject

FLAPPING = """
    from pathlib import Path
    def test_steady(): pass
    def test_flapping(): assert not Path({0!r}).exists(), "boom"
"""


def history(tiny: TinyProject, *words: str) -> Any:
    """Return what a verb of `greenlane history` prints as JSON."""
    ran = tiny.greenlane("history", *words, "--json")
    assert ran.code == 0, ran.output
    return json.loads(ran.output)


def test_what_is_recorded() -> None:
    """Tree, lane, shard, machine, seed, time and every outcome; a test that passed after it was run again is both."""
    evidence = nd(
        outcome("test_ok", duration=0.25), failed(), outcome("test_again", attempts=2), outcome("test_two"),
        journal={"repeats": ("tests/test_a.py::test_two",)}, shard="shard_b", seed=7, machine="ci-3",
    )  # fmt: skip
    run = recorded(evidence)
    assert (run.key, run.kind, run.tree, run.machine, run.seed) == (
        f"{evidence.record.run_id}/nd/shard_b", "nondeterministic", evidence.record.tree, "ci-3", 7,
    )  # fmt: skip
    assert (run.started_at, run.seconds, run.broken) == (1000.0, 2.5, "")
    ok, bad, again, two = run.tests
    assert (ok.seconds, ok.both, bad.cause, again.both, two.both) == (0.25, False, "assert 1 == 2", True, True)


def test_samples_are_no_flakes() -> None:
    """A sample that fails in one run and passes in the next varies as it may, but in a deterministic lane."""
    name = "tests/test_a.py::test_x[sample1]"
    group = SampleGroup(test="tests/test_a.py::test_x", n=2, at_least=1, seeds={name: 7})
    (sample,) = recorded(nd(failed(name), journal={"samples": (group,)})).tests
    assert sample.sample
    core = lane(outcome(name), outcome("test_ok"), journal={"samples": (group,)})
    assert not any(test.sample for test in recorded(core).tests)
    past = {"core": Past(failed={name: "run-1"})}
    assert "FLAKY_IN_CORE" in codes(verdict_on(core, past=past))


def test_a_broken_run_says_so() -> None:
    """A run whose worker crashed is recorded as broken, so that nothing is concluded from it."""
    assert "a worker crashed" in recorded(nd(failed(), journal={"crashes": ("worker gw0 died",)})).broken


def test_flaky_in_core(tiny: TinyProject, tmp_path: Path) -> None:
    """A core test that failed before and passes on the same tree is FLAKY_IN_CORE, from the spool and from the file."""
    switch = tmp_path / "switch"
    tiny.section("history", {"ingest": "later"}).test(FLAPPING.format(str(switch)))
    switch.write_text("")
    first = tiny.greenlane("lane", "core")
    assert first.codes == {"FAILED"}, first.output
    switch.unlink()
    from_spool = tiny.greenlane("lane", "core")
    assert from_spool.codes == {"FLAKY_IN_CORE"}, from_spool.output
    assert "test_flapping: passed, and failed in run" in from_spool.message("FLAKY_IN_CORE")
    runs = history(tiny, "show")
    assert [(run["lane"], run["tests"], run["failed"], run["broken"]) for run in runs] == [
        ("core", 2, 0, ""),
        ("core", 2, 1, ""),
    ]
    from_file = tiny.greenlane("lane", "core")
    assert from_file.codes == {"FLAKY_IN_CORE"}, from_file.output
    assert [test["test"] for test in from_file.verdict["flaky"]] == ["tests/test_it.py::test_flapping"]


def test_a_leak_of_a_module_makes_nobody_flaky(tiny: TinyProject) -> None:
    """A module's fixture leaves something: the last test is failed for it, in each order another one; none flaps."""
    tiny.section("history", {"ingest": "later"}).lanes(core={**CORE, "order": "random"}).write("app.py", "TABLE = {}\n")
    tiny.write("pytest.ini", "[pytest]\npythonpath = .\n").test(
        "import app, pytest\n"
        "@pytest.fixture(scope='module', autouse=True)\ndef table():\n    yield\n    app.TABLE = 1\n"
        + "".join(f"def test_{number}(): pass\n" for number in range(6))
    )
    blamed = []
    for seed in ("1", "2", "3"):
        ran = tiny.greenlane("lane", "core", "--seed", seed)
        assert ran.codes == {"LEAK", "ERROR"}, ran.output
        blamed += [v["subject"] for v in ran.verdict["violations"] if v["code"] == "ERROR"]
    assert len(set(blamed)) > 1
    assert [run["failed"] for run in history(tiny, "show")] == [0, 0, 0]


def test_recording_never_fails_a_run(tiny: TinyProject) -> None:
    """Where the spool cannot be written the run is as green as it is, and says that it is not recorded."""
    (tiny.path / ".greenlane").write_text("a file in the way")
    ran = tiny.section("history", {"ingest": "detached"}).test("def test_ok(): pass\n").greenlane("lane", "core")
    assert ran.code == 0, ran.output
    assert "WARNING: history: this run is not recorded:" in ran.output


REMEMBER = """
import os, sys
from pathlib import Path
from greenlane.history.recording import remember
from greenlane.config.context import Context
from greenlane.config.load import load
from support.evidence import nd

remember(Context(load(Path(sys.argv[1]), {}), os.environ, print), [nd()])
print("left behind:", len(list(Path(sys.argv[1]).glob(".greenlane/history.spool/*.json"))))
os.wait()  # a command would be gone by now; the test wants to see what its child does
"""


def test_a_process_of_its_own_stores_the_run(tiny: TinyProject) -> None:
    """A run is left in the spool and the command goes on; its child stores it and renews the file of durations."""
    tiny.section("history", {"ingest": "detached"}).lanes(nd={**CORE, "kind": "nondeterministic"})
    environ = {**tiny.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", REMEMBER, str(tiny.path)], env=environ, capture_output=True, text=True, timeout=150,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() in (["left behind: 1"], ["left behind: 0"])
    folder = tiny.path / ".greenlane"
    assert list(folder.glob("history.spool/*")) == []
    assert "test_one" in (folder / "durations.json").read_text()
    (run,) = history(tiny, "show")
    assert (run["lane"], run["tests"]) == ("nd", 1)


def test_a_database_that_is_away(tiny: TinyProject) -> None:
    """While nobody answers at the database's address a run is judged and waits; both are said, without a password."""
    tiny.section("history", {"ingest": "later", "url": "env:HISTORY"}).test("def test_ok(): pass\n")
    address = {"HISTORY": "postgresql://me:secret@127.0.0.1:1/none"}
    spool.drop(tiny.path / ".greenlane" / "history.spool", run_of(1, lane="core"))
    stored = tiny.greenlane("history", "ingest", "--apart", **address)
    assert stored.code == 2
    ran = tiny.greenlane("lane", "core", **address)
    assert ran.code == 0, ran.output
    assert "the verdict rests on this run alone" in ran.output
    assert "WARNING: runs could not be stored last time and wait in .greenlane/history.spool:" in ran.output
    assert "secret" not in stored.output + ran.output
    assert [run["lane"] for run in history(tiny, "show")] == ["core", "core"]


def test_an_edit_of_the_ledger_in_quarantine_toml_is_told_first(tiny: TinyProject) -> None:
    """A mistake in the ledger is exit 2 before any test is run."""
    tiny.write("quarantine.toml", 'schema = 1\n[[quarantined]]\ntest = "tests/test_it.py::test_x"\nlane = "nowhere"\n'
               'since = "2026-01-01"\nexpires = "2026-02-01"\n').lanes(core=CORE)  # fmt: skip
    ran = tiny.test("def test_ok(): pass\n").greenlane("lane", "core")
    assert ran.code == 2
    assert "CONFIG_ERROR: quarantine.toml: tests/test_it.py::test_x: unknown lane 'nowhere'; known: core" in ran.output
    assert not (tiny.path / ".artifacts").exists()
