"""`greenlane init`: what is added, what is kept, and that the result is green."""

from __future__ import annotations

import io
import os
import pty
import subprocess
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
    assert init(repository, "--dry-run", "--diff") == 0
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


@pytest.mark.parametrize(("said", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("\x04", 1)])
def test_a_person_is_asked_after_the_diff(tiny: TinyProject, said: str, code: int) -> None:
    """On a terminal the question follows the diff; only a yes adds anything, and the end of input is a no."""
    (tiny.path / "locks" / "core.txt").unlink()
    (tiny.path / "pyproject.toml").unlink()
    before = files(tiny.path)
    person, terminal = pty.openpty()
    os.write(person, said.encode())
    done = subprocess.run(
        tiny.command("init", "--no-lock", "--diff"), stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=tiny.environment(), timeout=150, check=False, text=True,
    )  # fmt: skip
    os.close(person)
    os.close(terminal)
    assert done.returncode == code, done.stdout
    assert 0 < done.stdout.index("+register_lanes(__file__)") < done.stdout.index("Add this? [y/N] ")
    assert ("next: nox -s ready" in done.stdout) == (code == 0)
    assert (files(tiny.path) == before) == (code == 1)


def test_every_byte_that_is_there_stays(repository: Path) -> None:
    """Line ends of Windows, trailing blanks and a missing last line end are kept; what is added has the same ends."""
    own = {"pyproject.toml": PYPROJECT.encode(), "noxfile.py": b"import nox  ", ".gitignore": b"build/ \n\n"}
    own |= {"pyproject.toml": own["pyproject.toml"].replace(b"\n", b"\r\n"), ".gitignore": b"build/ \r\n\r\n*.pyc"}
    for name, content in own.items():
        (repository / name).write_bytes(content)
    assert init(repository, "--yes") == 0
    for name, content in own.items():
        after = (repository / name).read_bytes()
        assert after.startswith(content)
        assert len(after) > len(content)
        assert after.count(b"\r\n") == (after.count(b"\n") if b"\r\n" in content else 0)
    assert b"*.pyc\r\n__pycache__/\r\n" in (repository / ".gitignore").read_bytes()


def test_a_link_stays_a_link(repository: Path, tmp_path: Path) -> None:
    """What it points at gets the lines."""
    (tmp_path / "shared.toml").write_text(PYPROJECT)
    (repository / "pyproject.toml").symlink_to("../shared.toml")
    assert init(repository, "--yes") == 0
    assert (repository / "pyproject.toml").is_symlink()
    assert "[tool.greenlane.lanes.core]" in (tmp_path / "shared.toml").read_text()


def test_what_the_additions_need_is_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A workflow below the top of a repository, and a noxfile that brings no harness to a runner, are named."""
    (repository / ".git").mkdir()
    part = repository / "part"
    part.mkdir()
    assert init(part, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "NOTE: GitHub reads workflows at the top of the repository only" in told
    assert "no `# /// script`" not in told
    (repository / "noxfile.py").write_text(NOXFILE)
    assert init(repository, "--yes") == 0
    told = capsys.readouterr().out
    assert "NOTE: noxfile.py has no `# /// script` that brings greenlane" in told
    assert "GitHub reads" not in told
    assert init(repository, "--yes") == 0
    assert "NOTE" not in capsys.readouterr().out


@pytest.mark.parametrize("words", ["it's nox", 'uvx "nox" -s', "nox -s; rm", "$(nox)", "nox\n-s", ""])
def test_words_that_break_the_workflow_are_refused(
    repository: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    """Quotes and the like would end the expression of GitHub that they stand in."""
    assert init(repository, "--yes", "--nox", words) == 2
    assert capsys.readouterr().err.startswith("CONFIG_ERROR: --nox: ")
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
        assert after[name].startswith(text)
    assert after[".github/workflows/readiness.yml"] == own[".github/workflows/readiness.yml"]
    assert "tests/smoke_nd/test_nd_smoke.py" not in after
    assert after["noxfile.py"].count("# /// script") == 0
    assert after["noxfile.py"].endswith("register_lanes(__file__)\n")
    assert after[".gitignore"].splitlines().count(".nox/") == 0
    assert after["pyproject.toml"].count('groups = ["tests"]') == 1
    assert [name for name in after if name.startswith("tests/")] == ["tests/smoke_nd/test_ours.py"]


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
    [
        ("pyproject.toml", "[tool\n", "pyproject.toml: "),
        ("pyproject.toml", "[tool.greenlane]\nlanez = 1\n", "lanez"),
        ("pyproject.toml", "[tool]\ngreenlane = {}\n", "at least one lane is needed"),
        ("pyproject.toml", "tool = { ruff = { line-length = 99 } }\n", "pyproject.toml would be no TOML with lanes"),
        ("noxfile.py", "x = '\udce9'\n", "noxfile.py: "),
    ],
)
def test_a_broken_configuration_is_told_and_nothing_written(
    repository: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    """A file that cannot be read as TOML, or holds a wrong option, is a CONFIG_ERROR that names the file."""
    (repository / name).write_text(text, errors="surrogateescape")
    assert init(repository, "--yes") == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in repository.iterdir()] == [name]
    assert (repository / name).read_text(errors="surrogateescape") == text


@pytest.mark.parametrize("version", ["2.7", "3.9", "abc", "py312"])
def test_another_python_is_refused_before_anything_is_written(
    repository: Path, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    """What no lane runs on is a mistake of the command line: exit code 2, the range, and no file."""
    with pytest.raises(SystemExit, match="2"):
        init(repository, "--yes", "--no-survey", "--python", version)
    assert f"'{version}' is not a version of Python that lanes run on, 3.11 or later" in capsys.readouterr().err
    assert files(repository) == {}


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
