"""Which code is a project's own."""

from __future__ import annotations

from pathlib import Path

from greenlane.run.contract import own_packages


def made(root: Path, *names: str) -> Path:
    """Write empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_what_lies_below_src(tmp_path: Path) -> None:
    """Packages and modules; folders without an `__init__.py` are none."""
    root = made(tmp_path, "src/shop/__init__.py", "src/tool.py", "src/data/file.txt", "other/__init__.py")

    assert own_packages(root) == ("shop", "tool")


def test_what_lies_beside_the_configuration(tmp_path: Path) -> None:
    """Without `src`: not the tests, nor what configures them."""
    root = made(tmp_path, "shop/__init__.py", "tests/__init__.py", "noxfile.py", "conftest.py", "tool.py", "a-b.py")

    assert own_packages(root) == ("shop", "tool")
