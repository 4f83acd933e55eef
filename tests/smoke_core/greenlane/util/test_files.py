"""Files are there whole, or as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.util.files import write_atomically


def test_a_folder_is_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Text is UTF-8 with its own line ends; no part of the work stays behind."""
    target = tmp_path / "a" / "b.txt"

    write_atomically(target, "é\r\n")

    assert target.read_bytes() == b"\xc3\xa9\r\n"
    assert list(target.parent.iterdir()) == [target]


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """Whoever could run it can run it."""
    target = tmp_path / "run.sh"
    target.write_text("old")
    target.chmod(0o750)

    write_atomically(target, b"new")

    assert (target.read_bytes(), target.stat().st_mode & 0o7777) == (b"new", 0o750)


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """A target that cannot be replaced stays, and the half beside it goes."""
    target = tmp_path / "folder"
    (target / "inside").mkdir(parents=True)

    with pytest.raises(OSError, match="folder"):
        write_atomically(target, "text")

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_file_replaces_the_old_one_at_once(tmp_path: Path) -> None:
    """A reader that has the old file open keeps the old file whole."""
    target = tmp_path / "report"
    write_atomically(target, "old")
    with target.open() as reader:
        write_atomically(target, "new")
        assert reader.read() == "old"

    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
