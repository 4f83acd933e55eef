"""`greenlane changes` in real repositories: what was changed, what it asks for, the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from greenlane.cli.main import main
from support.tiny import TinyProject

ROOT = Path(__file__).resolve().parents[5]
CONFIGURATION = """\
[tool.greenlane.lanes.nd]
kind = "nondeterministic"
tests = ["tests"]

[tool.greenlane.changes.surface]
surface = ["src/http/**"]
needs = { docs = ["docs/**"], checks = ["tests/**"], mapping = ["router.yaml"] }

[tool.greenlane.changes.endpoint]
surface = ["src/http/**"]
lines = "route\\\\("
runs = ["nd"]
"""
FILES = {
    "pyproject.toml": CONFIGURATION,
    "src/http/a.py": "route('/a')\nx = 1\n" + "\n".join(f"line{n} = {n}" for n in range(20)) + "\n",
    "src/other.py": "y = 1\n",
    "docs/a.md": "About a.\n",
    "tests/test_a.py": "def test_a():\n    assert True\n",
    "router.yaml": "a: 1\n",
}


class Repository:
    """A git repository whose branch `main` holds files, with a branch `work` checked out."""

    def __init__(self, path: Path, files: dict[str, str] = FILES) -> None:
        self.path = path
        self.git("init", "-q", "-b", "main")
        for name, text in files.items():
            self.write(name, text)
        self.commit()
        self.git("switch", "-q", "-c", "work")

    def git(self, *words: str) -> None:
        """Run git, whoever the user is."""
        who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=self.path, check=True, capture_output=True)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository of a test's own."""
    (tmp_path / "project").mkdir()
    return Repository(tmp_path / "project")


def ask(repository: Repository, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and checklist, rules by name and items by name."""
    code = main(["changes", "--project", str(repository.path), "--base", "main", "--json", *words])
    answer = json.loads(capsys.readouterr().out)
    rules = {r["rule"]: {item["name"]: item["done"] for item in r["items"]} for r in answer["results"]}
    return code, {**answer, "rules": rules}


def test_an_empty_diff_asks_for_nothing(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any change the answer is complete."""
    code, answer = ask(repository, capsys)
    assert (code, answer["files"], answer["results"]) == (0, 0, [])


def test_a_change_elsewhere_touches_no_rule(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A file outside of every surface is counted, and asks for nothing."""
    repository.write("src/other.py", "y = 2\n")
    code, answer = ask(repository, capsys)
    assert (code, answer["files"], answer["results"]) == (0, 1, [])


@pytest.mark.parametrize("committed", [True, False])
def test_a_surface_change_alone_is_red(
    repository: Repository, capsys: pytest.CaptureFixture[str], committed: bool
) -> None:
    """Docs, checks and mapping are each missing, whether the change is committed or not."""
    repository.write("src/http/b.py", "z = 1\n")
    if committed:
        repository.commit()
    code, answer = ask(repository, capsys)
    assert code == 1
    assert answer["rules"] == {"surface": {"docs": False, "checks": False, "mapping": False}}


def test_what_comes_along_is_green(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """With one file for each need the change is complete; each need alone stays visible."""
    for name in ("src/http/b.py", "docs/b.md", "tests/test_b.py"):
        repository.write(name, "z = 1\n")
    code, answer = ask(repository, capsys)
    assert (code, answer["rules"]["surface"]) == (1, {"docs": True, "checks": True, "mapping": False})
    repository.write("router.yaml", "a: 2\n")
    repository.commit()
    assert ask(repository, capsys)[0] == 0


def test_a_file_moved_within_the_surface_is_no_change(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pure renaming inside asks for nothing; one with a changed line does."""
    repository.git("mv", "src/http/a.py", "src/http/b.py")
    repository.commit()
    assert ask(repository, capsys)[0] == 0
    repository.write("src/http/b.py", FILES["src/http/a.py"].replace("x = 1", "x = 2"))
    repository.commit()
    code, answer = ask(repository, capsys)
    assert (code, set(answer["rules"])) == (1, {"surface"})


def test_a_file_moved_out_of_the_surface_is_a_change(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Moving a file does not evade the rules, not even the one about lines."""
    repository.git("mv", "src/http/a.py", "src/moved.py")
    repository.commit()
    code, answer = ask(repository, capsys)
    assert (code, set(answer["rules"])) == (1, {"surface", "endpoint"})


def test_moved_docs_say_nothing_new(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that is only renamed does not document a change."""
    repository.write("src/http/b.py", "z = 1\n")
    repository.git("mv", "docs/a.md", "docs/b.md")
    repository.commit()
    assert ask(repository, capsys)[1]["rules"]["surface"]["docs"] is False


def test_a_deletion_is_met_by_deletions(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A removed endpoint takes its docs along; deleted docs do not document a new one."""
    repository.git("rm", "-q", "src/http/a.py", "docs/a.md")
    repository.commit()
    assert ask(repository, capsys)[1]["rules"]["surface"]["docs"] is True
    repository.write("src/http/b.py", "z = 1\n")
    assert ask(repository, capsys)[1]["rules"]["surface"]["docs"] is False


def test_what_a_merge_brought_in_is_not_ours(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """After merging the base, its own changes of the surface do not count."""
    repository.write("src/other.py", "y = 2\n")
    repository.commit()
    repository.git("switch", "-q", "main")
    repository.write("src/http/theirs.py", "z = 1\n")
    repository.commit()
    repository.git("switch", "-q", "work")
    repository.git("merge", "-q", "--no-edit", "main")
    code, answer = ask(repository, capsys)
    assert (code, answer["files"], answer["results"]) == (0, 1, [])


def test_only_matching_lines_demand_a_run(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A removed or added route demands the lane; another line of the same file does not."""
    repository.write("src/http/a.py", FILES["src/http/a.py"].replace("x = 1", "x = 2"))
    assert "endpoint" not in ask(repository, capsys)[1]["rules"]
    repository.write("src/http/a.py", FILES["src/http/a.py"].replace("route('/a')\n", ""))
    assert ask(repository, capsys)[1]["rules"]["endpoint"] == {"strict run of nd": False}


@pytest.mark.parametrize(
    "hide",
    [
        {".gitattributes": "*.py -diff\n"},
        {".gitattributes": "*.py diff=quiet\n"},
        {"src/http/a.py": FILES["src/http/a.py"] + "\x0croute('/c')\n"},
        {"src/http/b\udcff.py": "route('/c')\n"},
        {"src/http/:b.py": "route('/c')\n"},
    ],
    ids=["binary", "textconv", "form feed", "no UTF-8", "magic"],
)
def test_no_line_can_be_hidden(
    repository: Repository, capsys: pytest.CaptureFixture[str], hide: dict[str, str]
) -> None:
    """Attributes, filters, odd characters and odd names keep no route from being seen."""
    repository.git("config", "diff.quiet.textconv", "true")
    if ".gitattributes" in hide:
        repository.write("src/http/a.py", FILES["src/http/a.py"] + "route('/c')\n")
    for name, text in hide.items():
        repository.write(name, text)
    repository.git("add", "-A")
    assert ask(repository, capsys)[1]["rules"]["endpoint"] == {"strict run of nd": False}


def test_a_name_is_no_pattern(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the file whose route was added is named, not one whose name would match it as a pattern."""
    repository.write("src/http/i.py", "x = 1\n")
    repository.write("src/http/[id].py", "x = 1\n")
    repository.commit()
    repository.git("branch", "-f", "main")
    repository.write("src/http/i.py", "route('/i')\n")
    repository.write("src/http/[id].py", "x = 2\n")
    touched = {result["rule"]: result["touched"] for result in ask(repository, capsys)[1]["results"]}
    assert touched["endpoint"] == ["src/http/i.py"]


def test_a_green_run_on_this_tree_counts(tiny: TinyProject, capsys: pytest.CaptureFixture[str]) -> None:
    """The lane's evidence meets the demand, until the tree changes once more."""
    tiny.lanes(nd={"kind": "nondeterministic", "tests": ["tests"]})
    tiny.section("changes", {"endpoint": {"surface": ["src/http/**"], "lines": "route", "runs": ["nd"]}})
    tiny.write(".gitignore", ".artifacts/\n__pycache__/\n")
    repository = Repository(tiny.path, {name: text for name, text in FILES.items() if name != "pyproject.toml"})
    repository.write("src/http/b.py", "route('/b')\n")
    repository.commit()
    words = ["changes", "--project", str(tiny.path), "--base", "main"]
    assert main(words) == 1
    assert "it was not run" in capsys.readouterr().out
    ran = tiny.greenlane("lane", "nd")
    assert ran.code == 0, ran.output
    assert main(words) == 0, capsys.readouterr().out
    repository.write("src/other.py", "y = 3\n")
    assert main(words) == 1
    assert "STALE" in capsys.readouterr().out


def test_the_checklist_is_written(repository: Repository, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The Markdown has a box for each need, and `--out` keeps it for a pull request."""
    repository.write("src/http/b.py", "z = 1\n")
    repository.write("docs/b.md", "About b.\n")
    out = tmp_path / "out" / "checklist.md"
    assert main(["changes", "--project", str(repository.path), "--base", "main", "--out", str(out)]) == 1
    text = capsys.readouterr().out
    assert out.read_text() == text
    assert "- [ ] **surface**: `src/http/b.py`" in text
    assert "  - [x] docs: `docs/b.md`" in text
    assert "  - [ ] checks: missing; change a file of tests/\\*\\* in the same pull request" in text


@pytest.mark.parametrize(
    ("base", "said"),
    [("nosuch", "'nosuch' is unknown here"), ("--output=x", "is no branch"), ("", "is no branch")],
)
def test_a_wrong_base_is_told(repository: Repository, capsys: pytest.CaptureFixture[str], base: str, said: str) -> None:
    """An unknown base is a CONFIG_ERROR with the next step, and never an option of git."""
    assert main(["changes", "--project", str(repository.path), f"--base={base}"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("CONFIG_ERROR: --base: ")
    assert said in told
    assert "fetch-depth: 0" in told


def test_no_repository_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside of git the command says so."""
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    assert main(["changes", "--project", str(tmp_path), "--base", "main"]) == 2
    assert "no git work tree" in capsys.readouterr().err


def test_wrong_rules_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule without a surface, with a broken expression, an unknown lane or a path outside is refused at once."""
    (tmp_path / "pyproject.toml").write_text(
        CONFIGURATION + '[tool.greenlane.changes.bad]\nsurface = []\nlines = "("\nneeds = ["../x"]\nruns = ["nosuch"]\n'
    )
    assert main(["changes", "--project", str(tmp_path), "--base", "main"]) == 2
    told = capsys.readouterr().err
    for part in ("changes.bad.surface", "changes.bad.lines", "'../x' is not a pattern", "unknown name 'nosuch'"):
        assert part in told


def test_our_template_matches_our_rules() -> None:
    """The pull request template of this repository is the one that its rules make."""
    command = [sys.executable, "-P", "-m", "greenlane", "changes", "--project", str(ROOT), "--template"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ROOT / ".github" / "pull_request_template.md").read_text() == made.stdout


PROVIDER = '\n[tool.greenlane.providers.mistral]\nsecrets = ["MISTRAL_API_KEY"]\n'
GROUP = "  - model_name: codex-agent-2\n    litellm_params:\n      model: mini-agent\n"
ROUTE = '        Route("/v1/new", chat, methods=["POST"]),\n'
SURFACES = {
    "live-provider": ("pyproject.toml", PROVIDER, {"live-smoke": "tests/smoke_release/providers/mistral.py"}, False),
    "router-group": (
        "tests/support/scripted_model.yaml", GROUP, {"checks": "tests/smoke_nd/mini_agent/test_groups.py"}, True,
    ),
    "endpoint": (
        "src/mini_agent/api/routes.py", ROUTE,
        {"checks": "tests/smoke_nd/test_new.py", "mapping": "src/mini_agent/api/openapi.py"}, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "surface"), SURFACES.items(), ids=SURFACES.keys())
def test_our_own_surfaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, surface: tuple[str, str, dict[str, str], bool]
) -> None:
    """A live provider, a router group and an endpoint each ask for their own, and for a strict run of nd or not."""
    path, more, needs, runs = surface
    files = {name: (ROOT / name).read_text() for name in ("pyproject.toml", path)}
    (tmp_path / "project").mkdir()
    repository = Repository(tmp_path / "project", files)
    repository.write(path, files[path] + more)
    run = {"strict run of nd": False} if runs else {}
    code, answer = ask(repository, capsys)
    assert (code, answer["rules"]) == (1, {rule: {**dict.fromkeys([*needs, "docs"], False), **run}})
    for name in (*needs.values(), "docs/new.md"):
        repository.write(name, "new\n")
    code, answer = ask(repository, capsys)
    assert (code, answer["rules"]) == (int(runs), {rule: {**dict.fromkeys([*needs, "docs"], True), **run}})
    lanes = tmp_path / "lanes"
    assert main(["changes", "--project", str(repository.path), "--base", "main", "--runs", str(lanes)]) == 0
    assert lanes.read_text().split() == (["nd"] if runs else [])
    assert main(["matrix", "--project", str(repository.path), "--policy", "dev", "--lane", "nd"]) == 0
    jobs = json.loads(capsys.readouterr().out.splitlines()[-1])["include"]
    assert {job["lane"] for job in jobs} >= {"core", "nd"}
