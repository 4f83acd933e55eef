"""`greenlane init`: what is added, what is kept, and that the result is green."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from greenlane.cli.main import main
from support.tiny import TinyProject

PYPROJECT = """\
[project]
name = "it"
version = "1"
requires-python = ">=3.9"

[dependency-groups]
tests = ["pytest"]
"""
NOXFILE = "import nox\n\n@nox.session\ndef docs(session):\n    pass\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


def files(folder: Path) -> dict[str, str]:
    """Return the text of every file, by path."""
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def init(folder: Path, *words: str) -> int:
    """Call the command without compiling locks, for which tests have no index."""
    return main(["init", "--project", str(folder), "--no-lock", *words])


def test_the_diff_comes_first(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run shows every file as a diff and writes none."""
    assert init(repository, "--dry-run") == 0
    shown = capsys.readouterr().out
    for path in ("pyproject.toml", "noxfile.py", "tests/smoke_core/test_core_smoke.py", ".gitignore"):
        assert f"--- /dev/null\n+++ b/{path}\n" in shown
    assert "+++ b/.github/workflows/readiness.yml" in shown
    assert "\x1b" not in shown
    assert files(repository) == {}


def test_nobody_to_ask_means_no(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal and without --yes nothing is written, and the exit code says so."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert init(repository) == 1
    assert "nothing was changed" in capsys.readouterr().out
    assert files(repository) == {}


def test_a_second_call_adds_nothing(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that is there is kept, byte by byte."""
    assert init(repository, "--yes") == 0
    before = files(repository)
    capsys.readouterr()
    assert init(repository, "--yes") == 0
    told = capsys.readouterr().out
    assert files(repository) == before
    assert told.endswith("nothing to add\n")
    assert "kept: noxfile.py, it registers lanes already" in told


def test_what_is_there_is_extended_at_its_end(repository: Path) -> None:
    """An own pyproject.toml, noxfile and .gitignore keep every line; a workflow and tests are left alone."""
    own = {
        "pyproject.toml": PYPROJECT,
        "noxfile.py": NOXFILE,
        ".gitignore": "/.nox\nbuild/\n",
        ".github/workflows/readiness.yml": "name: ours\n",
        "tests/smoke_nd/test_ours.py": "def test_ours():\n    assert True\n",
    }
    for name, text in own.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    assert init(repository, "--yes") == 0
    after = files(repository)
    for name, text in own.items():
        assert after[name].startswith(text.rstrip())
    assert after[".github/workflows/readiness.yml"] == own[".github/workflows/readiness.yml"]
    assert "tests/smoke_nd/test_nd_smoke.py" not in after
    assert after["noxfile.py"].count("# /// script") == 0
    assert after["noxfile.py"].endswith("register_lanes(__file__)\n")
    assert after[".gitignore"].splitlines().count(".nox/") == 0
    assert after["pyproject.toml"].count('groups = ["tests"]') == 3
    assert 'version("it")' in after["tests/smoke_core/test_core_smoke.py"]


def test_the_workflow_gets_the_secrets_and_the_words(repository: Path) -> None:
    """The live job has the secrets that the configuration names, and nox is started as asked for."""
    (repository / "pyproject.toml").write_text(
        '[tool.greenlane.lanes.live]\nkind = "release"\ntests = ["tests"]\nproviders = ["toy"]\n'
        '[tool.greenlane.providers.toy]\nsecrets = ["TOY_KEY"]\n'
    )
    assert init(repository, "--yes", "--nox", "uvx nox -s") == 0
    text = files(repository)[".github/workflows/readiness.yml"]
    assert "TOY_KEY: ${{ secrets.TOY_KEY }}" in text
    assert "OPENAI_API_KEY" not in text
    assert "NOX: ${{ inputs.nox || 'uvx nox -s' }}" in text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("pyproject.toml", "[tool\n", "pyproject.toml: "), ("pyproject.toml", "[tool.greenlane]\nlanez = 1\n", "lanez")],
)
def test_a_broken_configuration_is_told_and_nothing_written(
    repository: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    """A file that cannot be read as TOML, or holds a wrong option, is a CONFIG_ERROR."""
    (repository / name).write_text(text)
    assert init(repository, "--yes") == 2
    assert said in capsys.readouterr().err
    assert files(repository) == {name: text}


def test_no_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A repository that is not there is a CONFIG_ERROR."""
    assert init(tmp_path / "nowhere", "--yes") == 2
    assert "is no folder" in capsys.readouterr().err


def test_the_result_is_green(tiny: TinyProject) -> None:
    """With locks, every lane that was added is green at once; the live one says why it is closed."""
    for path in (tiny.path / "pyproject.toml", tiny.path / "locks" / "core.txt"):
        path.unlink()
    assert tiny.greenlane("init", "--yes", "--no-lock").code == 0
    for lane in ("core", "nd", "release"):
        tiny.write(f"locks/{lane}.txt", tiny.lock)
    text = (tiny.path / "pyproject.toml").read_text()
    tiny.write("pyproject.toml", f'{text}\n[tool.greenlane]\nenvironments = "{tiny.environments}"\n')
    ran = tiny.greenlane("ready", "--policy", "deploy", OPENAI_API_KEY="never")
    assert ran.code == 0, ran.output
    assert "READY (policy deploy, strict)" in ran.output
    assert "SKIP  openai  LIVE_PROVIDERS is not 1" in ran.output
