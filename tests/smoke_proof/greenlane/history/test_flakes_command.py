"""`greenlane flakes …` as users run it, with the ledger that it writes and the issues that it opens."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greenlane.evidence.history import DAY
from greenlane.history.issues.draft import IssueError
from greenlane.history.issues.github import GitHub
from greenlane.judge.quarantine import day_of, stamp
from support.github import FakeGitHub
from support.remembered import NOON, STEADY, TEST, Remembering, ended, run_of, runs_of

AT = ("--at", stamp(NOON + DAY))
TODAY = day_of(NOON + DAY)


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Remembering:
    """A project with a history, and no token."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    return Remembering(tmp_path, capsys)


@pytest.fixture
def github(project: Remembering, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """A GitHub on loopback for which the project has a token."""
    with FakeGitHub() as fake:
        monkeypatch.setenv("GITHUB_TOKEN", "ghp-secret")
        project.configure(f'[tool.greenlane.quarantine]\nrepository = "me/project"\napi = "{fake.api}"\n')
        yield fake


def ledger(project: Remembering) -> list[dict[str, Any]]:
    """Return the quarantined tests of the ledger; none without the file."""
    path = project.path / "greenlane-ledger.toml"
    return tomllib.loads(path.read_text()).get("quarantine", []) if path.exists() else []


def test_list(project: Remembering) -> None:
    """Flaky tests are listed with flakes, runs of the window, share and state; others are not."""
    project.remember(runs_of("pfpf"))
    code, output = project.greenlane("flakes", "list", *AT)
    assert code == 0
    assert output.splitlines()[1].split() == [TEST, "nd", "2", "4", "50.0%", "due"]
    assert STEADY not in output
    (known,) = project.json("flakes", "list", *AT)
    assert (known["due"], known["flaky"]["runs"], len(known["flakes"])) == (True, 4, 2)


def test_nothing_flaked(project: Remembering) -> None:
    """A healthy history has an empty list."""
    project.remember(runs_of("ppp"))
    assert "no test flaked lately" in project.greenlane("flakes", "list", *AT)[1]


def test_show(project: Remembering) -> None:
    """One test is shown with each flake's time, runs, tree, machines and cause, and the tests that fail with it."""
    runs = [
        run_of(n, ended(w), ended(w, "tests/nd/test_b.py::test_too"), machine=f"ci-{n}") for n, w in enumerate("pf")
    ]
    project.remember(runs)
    _, output = project.greenlane("flakes", "show", TEST, *AT)
    assert f"{TEST} in nd: watched" in output
    assert "1 flakes, 1 failures in 2 runs" in output
    assert f"{stamp(NOON + 3600)}: run-0000/nd and run-0001/nd on tree tree-1 at ci-0, ci-1\n    boom" in output
    assert "fails together with:\n    tests/nd/test_b.py::test_too" in output
    assert project.greenlane("flakes", "show", STEADY, *AT)[0] == 2
    assert f"{STEADY} has not flaked in the last 7 days" in project.error


def test_two_in_seven_days(project: Remembering) -> None:
    """What is due gets an entry with dates, runs, evidence, owner, issue and expiry; one flake is not enough."""
    one_flake = [run_of(n, ended(w, STEADY), tree="tree-2") for n, w in enumerate("pf", start=50)]
    project.remember([*runs_of("pfpf"), *one_flake])
    late = ("--at", stamp(NOON + 4 * DAY))
    code, output = project.greenlane("flakes", "quarantine", "--owner", "ann", *late)
    assert code == 0, output
    (entry,) = ledger(project)
    assert (entry["test"], entry["lane"], entry["owner"], entry["runs"]) == (TEST, "nd", "ann", 4)
    assert (entry["since"], entry["expires"]) == (day_of(NOON + 4 * DAY), day_of(NOON + 34 * DAY))
    assert entry["flakes"] == [stamp(NOON + 3600), stamp(NOON + 3 * 3600)]
    assert "run-0000/nd and run-0001/nd on tree tree-1 at ci-1: boom" in entry["evidence"][0]
    draft = (project.path / entry["issue"]).read_text()
    assert draft.startswith(f"# Flaky test in nd: {TEST}\n")
    assert "in 4 runs" in draft


@pytest.mark.parametrize(("days", "due"), [(7, True), (7 + 1 / 86400, False)])
def test_the_window_is_seven_days_long(project: Remembering, days: float, due: bool) -> None:
    """Two flakes are within seven days of the last moment at which the first still counts, and not a second later."""
    project.remember(runs_of("pfpf"))
    (known,) = project.json("flakes", "list", "--at", stamp(NOON + 3600 + days * DAY))
    assert known["due"] is due


def test_a_dry_run_changes_nothing(project: Remembering, github: FakeGitHub) -> None:
    """Neither ledger nor issue is made by a dry run, which says what would be."""
    project.remember(runs_of("pfpf"))
    code, output = project.greenlane("flakes", "quarantine", "--dry-run", *AT)
    assert code == 0
    assert f"{TEST}: would be quarantined until {day_of(NOON + 31 * DAY)}, issue to be opened" in output
    assert (ledger(project), github.calls) == ([], [])
    assert not (project.path / "quarantine").exists()


def test_a_named_test_that_is_not_due(project: Remembering) -> None:
    """Nobody talks a test into quarantine: one flake is refused, with the count."""
    project.remember(runs_of("pf"))
    assert project.greenlane("flakes", "quarantine", TEST, *AT)[0] == 2
    assert "flaked 1 times in 7 days; 2 are needed" in project.error
    assert ledger(project) == []


@pytest.mark.parametrize(
    "why", ["a worker crashed: gw0", "the lane ran into its deadline", "the environment had drifted"]
)
def test_broken_runs_quarantine_nothing(project: Remembering, why: str) -> None:
    """Failures of a run that was broken itself are half of no flake."""
    runs = [run_of(n, ended(word), broken=why if word == "f" else "") for n, word in enumerate("pfpfpf")]
    project.remember(runs)
    assert project.json("flakes", "list", *AT) == []
    assert "nothing to do" in project.greenlane("flakes", "quarantine", *AT)[1]


def test_retries_inside_one_run(project: Remembering) -> None:
    """A test that failed and passed within one run is a flake of that run alone; twice is due."""
    project.remember(runs_of("bb"))
    (known,) = project.json("flakes", "list", *AT)
    assert (known["due"], [flake["runs"] for flake in known["flakes"]]) == (True, [["run-0000/nd"], ["run-0001/nd"]])


def test_a_renamed_test_begins_anew(project: Remembering) -> None:
    """The flakes of the old name are not the new name's, and the old entry does not cover it."""
    project.remember(runs_of("pfpf"))
    project.greenlane("flakes", "quarantine", *AT)
    renamed = [run_of(n, ended(w, f"{TEST}_renamed"), tree="tree-3") for n, w in enumerate("pf", start=5)]
    project.remember(renamed)
    states = {k["test"]: (k["due"], k["entry"] is not None) for k in project.json("flakes", "list", *AT)}
    assert states == {TEST: (False, True), f"{TEST}_renamed": (False, False)}


def test_runs_of_two_machines(project: Remembering) -> None:
    """A pass on one machine and a failure on another, on the same tree, are a flake of both."""
    project.remember([run_of(1, ended("p"), machine="a"), run_of(2, ended("f"), machine="b")])
    (known,) = project.json("flakes", "list", *AT)
    assert known["flakes"][0]["machines"] == ["a", "b"]


def test_an_issue_on_github(project: Remembering, github: FakeGitHub) -> None:
    """With a token the issue is opened once, with evidence; a second run finds everything done."""
    project.remember(runs_of("pfpf"))
    project.greenlane("flakes", "quarantine", *AT)
    (issue,) = github.issues
    assert issue["title"] == f"Flaky test in nd: {TEST}"
    assert "boom" in issue["body"]
    assert set(github.tokens) == {"Bearer ghp-secret"}
    assert ledger(project)[0]["issue"] == issue["html_url"]
    project.greenlane("flakes", "quarantine", *AT)
    assert len(github.issues) == 1


def test_never_twice_for_one_test(project: Remembering, github: FakeGitHub) -> None:
    """An issue that is there, on the second page and closed, is opened again instead of a new one, ledger or not."""
    project.remember(runs_of("pfpf"))
    project.greenlane("flakes", "quarantine", *AT)
    github.issues[0]["state"] = "closed"
    for _ in range(150):
        github.add(title="something else", body=None)
    (project.path / "greenlane-ledger.toml").unlink()
    project.greenlane("flakes", "quarantine", *AT)
    assert len(github.issues) == 151
    assert github.issues[0]["state"] == "open"
    assert ledger(project)[0]["issue"] == github.issues[0]["html_url"]


def test_two_machines_at_once(github: FakeGitHub) -> None:
    """Of two issues that were opened in the same moment the older one stays, and ours is closed."""
    tracker = GitHub(github.api, "me/project", "ghp-secret")
    answer = github.answer

    def raced(method: str, path: str, payload: dict[str, Any]) -> tuple[int, Any]:
        if method == "POST":
            github.add(title="theirs", body="marker")
        return answer(method, path, payload)

    github.answer = raced  # type: ignore[method-assign]
    assert tracker.open("marker", "ours", "with the marker").endswith("/1")
    assert [(issue["title"], issue["state"]) for issue in github.issues] == [("theirs", "open"), ("ours", "closed")]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_github_refuses(project: Remembering, github: FakeGitHub, status: int) -> None:
    """When no issue can be opened it is kept as a file, which is said; it is posted when GitHub is back."""
    github.refuse = status
    project.remember(runs_of("pfpf"))
    code, output = project.greenlane("flakes", "quarantine", *AT)
    assert code == 0
    assert f"HTTP {status}" in output
    assert "ghp-secret" not in output + project.error
    draft = ledger(project)[0]["issue"]
    assert (project.path / draft).exists()
    github.refuse = 0
    assert f"{TEST}: issue https://github.com/me/project/issues/1" in project.greenlane("flakes", "quarantine", *AT)[1]
    assert ledger(project)[0]["issue"] == "https://github.com/me/project/issues/1"


def test_the_token_stays_where_it_belongs(project: Remembering, github: FakeGitHub) -> None:
    """A redirect is not followed, and an address without encryption gets no token."""
    with FakeGitHub() as thief:
        github.redirect = f"{thief.api}/repos/me/project/issues"
        project.remember(runs_of("pfpf"))
        assert "HTTP 302" in project.greenlane("flakes", "quarantine", *AT)[1]
        assert thief.calls == []
    with pytest.raises(IssueError, match="is not https; the token is not sent there"):
        GitHub("http://github.example", "me/project", "ghp-secret")


def test_promotion_needs_evidence(project: Remembering) -> None:
    """Without enough passes a test stays in quarantine, exit 1, with the arithmetic; with them it gates again."""
    project.remember(runs_of("pfpf"))
    project.greenlane("flakes", "quarantine", *AT)
    first = 48
    project.remember(run_of(first + n, ended("p")) for n in range(30))
    code, output = project.greenlane("flakes", "promote", TEST, *AT)
    assert code == 1
    assert f"{TEST} in nd: not promoted" in output
    assert "30 runs, 0 failures, passes on 2 days" in output
    assert "upper 95% bound of the flake rate (exact binomial) 9.50%; needed: under 5.00%" in output
    assert "missing: 29 more passes in a row" in output
    assert len(ledger(project)) == 1
    project.remember(run_of(first + 30 + n, ended("p")) for n in range(29))
    assert project.greenlane("flakes", "promote", TEST, "--dry-run", *AT)[0] == 0
    assert len(ledger(project)) == 1
    (answer,) = project.json("flakes", "promote", TEST, *AT)
    assert (answer["granted"], answer["runs"], answer["days"]) == (True, 59, 4)
    assert ledger(project) == []


def test_promotion_from_the_day_of_the_repair(project: Remembering) -> None:
    """Failures before the repair do not count against it; a day before the entry is refused."""
    project.remember(runs_of("pfpf"))
    project.greenlane("flakes", "quarantine", *AT)
    project.remember([run_of(60, ended("f"), tree="t5"), *(run_of(100 + n, ended("p")) for n in range(60))])
    assert project.greenlane("flakes", "promote", TEST, *AT)[0] == 1
    assert project.greenlane("flakes", "promote", TEST, "--since", day_of(NOON), *AT)[0] == 2
    assert project.greenlane("flakes", "promote", TEST, "--since", "soon", *AT)[0] == 2
    assert project.greenlane("flakes", "promote", TEST, "--since", day_of(NOON + 4 * DAY), *AT)[0] == 0


def test_expire(project: Remembering) -> None:
    """An entry past its date is taken out, one within it is not, unless it is named; a dry run says so only."""
    project.remember(runs_of("pfpf"))
    project.greenlane("flakes", "quarantine", *AT)
    assert "no entry is past its date" in project.greenlane("flakes", "expire", *AT)[1]
    late = ("--at", stamp(NOON + 40 * DAY))
    assert "would gate again" in project.greenlane("flakes", "expire", "--dry-run", *late)[1]
    assert len(ledger(project)) == 1
    assert project.json("flakes", "list", *late)[0]["ended"].startswith("it expired on")
    assert "gates again" in project.greenlane("flakes", "expire", *late)[1]
    assert ledger(project) == []
    assert project.greenlane("flakes", "expire", TEST, *AT)[0] == 2
    assert f"{TEST} is not quarantined" in project.error


def test_renew(project: Remembering) -> None:
    """A named entry gets another term, and keeps its issue."""
    project.remember(runs_of("pfpf"))
    project.greenlane("flakes", "quarantine", *AT)
    (before,) = ledger(project)
    late = ("--at", stamp(NOON + 20 * DAY))
    assert "quarantined since" in project.greenlane("flakes", "quarantine", TEST, *late)[1]
    project.greenlane("flakes", "quarantine", TEST, "--renew", *late)
    (after,) = ledger(project)
    assert after == {**before, "expires": day_of(NOON + 50 * DAY)}


def test_core_gates_all_the_same(project: Remembering) -> None:
    """An entry of a deterministic lane is made, and said to excuse nothing."""
    project.remember(runs_of("pfpf", lane="core"))
    _, output = project.greenlane("flakes", "quarantine", *AT)
    assert "WARNING:" in output
    assert "a failure in a deterministic lane gates all the same (quarantine.kinds)" in output


def test_hostile_names(project: Remembering) -> None:
    """A name full of quotes, markup and line breaks survives the ledger, and leads to a plain file name."""
    name = 'tests/nd/test_a.py::test_x["\\\n`<b>|../../etc\x7f\u2028]'
    project.remember([run_of(n, ended(word, name)) for n, word in enumerate("pfpf")])
    project.greenlane("flakes", "quarantine", *AT)
    (entry,) = ledger(project)
    assert entry["test"] == name
    draft = project.path / entry["issue"]
    assert draft.parent == project.path / "quarantine"
    assert project.json("flakes", "list", *AT)[0]["entry"]["test"] == name


@pytest.mark.parametrize("words", [("list", "--at", "soon"), ("show", "nowhere"), ("promote", "nowhere"), ("what",)])
def test_mistakes(project: Remembering, words: tuple[str, ...]) -> None:
    """A user's mistake is exit 2 and no traceback."""
    assert project.greenlane("flakes", *words)[0] == 2
    assert "CONFIG_ERROR" in project.error
    assert "Traceback" not in project.error


@pytest.mark.parametrize("verb", ["list", "show", "quarantine", "promote", "expire"])
def test_each_verb_has_a_dry_run(project: Remembering, verb: str) -> None:
    """`--dry-run` and `--json` are options of every verb."""
    code, output = project.greenlane("flakes", verb, "--help")
    assert code == 0
    assert "--dry-run" in output
    assert "--json" in output
