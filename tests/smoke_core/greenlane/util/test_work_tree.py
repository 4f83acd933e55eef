"""The state of a work tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from greenlane.util.work_tree import tree_state

OWN = (".artifacts", "REPORT.md")


def git(folder: Path, *words: str) -> None:
    """Run git without the user's configuration."""
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", str(folder), *who, *words], env=quiet, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with two files, `a` and `ignored/b`, unknown to git."""
    folder = tmp_path / "project"
    (folder / "ignored").mkdir(parents=True)
    (folder / "a").write_text("one")
    (folder / ".gitignore").write_text("ignored/\n")
    (folder / "ignored" / "b").write_text("one")
    return folder


@pytest.fixture
def repository(project: Path) -> Path:
    """The same, committed."""
    git(project, "init", "-q")
    commit(project)
    return project


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")


def write(name: str, text: str = "two") -> Callable[[Path], None]:
    """Return an action that writes a file."""

    def act(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return act


def nest(folder: Path) -> None:
    """Put a repository into a repository."""
    (folder / "nested").mkdir()
    git(folder / "nested", "init", "-q")
    (folder / "nested" / "c").write_text("one")


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(write("a"), id="edited"),
        pytest.param(lambda folder: (folder / "a").unlink(), id="deleted"),
        pytest.param(write("new"), id="untracked"),
        pytest.param(lambda folder: (folder / "link").symlink_to("a"), id="untracked-link"),
        pytest.param(lambda folder: (folder / "a").rename(folder / "c"), id="renamed"),
        pytest.param(lambda folder: (folder / "a").chmod(0o755), id="made-executable"),
        pytest.param(nest, id="repository-within"),
        pytest.param(lambda folder: [write("a")(folder), commit(folder)], id="committed"),
    ],
)
def test_what_git_sees_changes_the_state(repository: Path, act: Callable[[Path], None]) -> None:
    """Every difference that git would show makes old evidence stale."""
    before = tree_state(repository, OWN)

    act(repository)

    assert tree_state(repository, OWN) != before


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda _: None, id="nothing"),
        pytest.param(write("a", "one"), id="written-alike"),
        pytest.param(write("ignored/b"), id="ignored-by-git"),
        pytest.param(write(".artifacts/core/lane.json"), id="our-artifacts"),
        pytest.param(write("REPORT.md"), id="our-report"),
        pytest.param(write("tests/__pycache__/test_a.cpython-311.pyc"), id="bytecode"),
        pytest.param(lambda folder: git(folder, "commit", "-q", "--allow-empty", "-m", "y"), id="empty-commit"),
    ],
)
def test_what_we_write_and_git_ignores_does_not(repository: Path, act: Callable[[Path], None]) -> None:
    """A run must not make its own evidence stale."""
    before = tree_state(repository, OWN)

    act(repository)

    assert tree_state(repository, OWN) == before


def test_names_that_only_begin_like_ours_count(repository: Path) -> None:
    """`.artifacts-old` is not `.artifacts`."""
    before = tree_state(repository, OWN)
    write(".artifacts-old/x")(repository)

    assert tree_state(repository, OWN) != before


@pytest.mark.parametrize("name", [b"na\xffme", "blank é name".encode(), b'quo"te'], ids=["bytes", "unicode", "quote"])
def test_a_second_edit_of_an_oddly_named_file_is_seen(repository: Path, name: bytes) -> None:
    """The content of an untracked file counts, whatever it is called."""
    path = os.path.join(os.fsencode(repository), name)
    states = set()
    for text in (b"one", b"two"):
        with open(path, "wb") as file:
            file.write(text)
        states.add(tree_state(repository))

    assert len(states) == 2


def test_a_second_edit_in_a_repository_within_is_seen(repository: Path) -> None:
    """Git shows a nested repository as one name; its files count all the same."""
    nest(repository)
    before = tree_state(repository)
    (repository / "nested" / "c").write_text("two")

    assert tree_state(repository) != before


def test_a_project_in_a_folder_of_a_repository_has_its_own_files(repository: Path) -> None:
    """Edits beside the project do not count as long as they are not committed; its own do."""
    inner = repository / "in ner"
    write("in ner/x", "one")(repository)
    commit(repository)
    before = tree_state(inner)

    write("a")(repository)
    assert tree_state(inner) == before

    states = {before}
    for text in ("two", "three"):
        write("x", text)(inner)
        states.add(tree_state(inner))
    assert len(states) == 3


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("a", True), ("new", True), ("sub/new", True), (".artifacts/x", False), ("REPORT.md", False),
        ("__pycache__/x.pyc", False), (".hypothesis/x", False), ("sub/.pytest_cache/x", False),
    ],
)  # fmt: skip
def test_without_git_every_file_counts_but_caches_and_ours(project: Path, name: str, counts: bool) -> None:
    """A folder that is no repository has a state, too."""
    before = tree_state(project, OWN)
    write(name)(project)

    assert (tree_state(project, OWN) != before) is counts


def test_where_no_repository_is_git_is_not_started(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every lane looks four times: a program that only says that it knows nothing would be started each time."""
    programs, asked = tmp_path / "bin", tmp_path / "asked"
    programs.mkdir()
    (programs / "git").write_text(f"#!/bin/sh\necho asked >> {asked}\nexit 1\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    assert len(tree_state(project)) == 64
    assert not asked.exists()
    (tmp_path / ".git").mkdir()
    tree_state(project)
    assert asked.exists()
