"""What a test file imports, as far as its text tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.run.imports import ImportGraph, Stamp

TREE = {
    "conftest.py": "import top",
    "top.py": "",
    "src/shop/__init__.py": "",
    "src/shop/price.py": "from . import tax\nfrom .deep.rate import RATE",
    "src/shop/tax.py": "",
    "src/shop/table.py": "COMMANDS = {'show': 'shop.late'}",
    "src/shop/late.py": "",
    "src/shop/deep/__init__.py": "from ..base import Base",
    "src/shop/deep/rate.py": "",
    "src/shop/base.py": "",
    "src/shop/other.py": "",
    "tests/support/__init__.py": "",
    "tests/support/world.py": "",
    "tests/deep/conftest.py": "pytest_plugins = ['support.world']",
}
SHOP, DEEP = "src/shop/__init__.py", "src/shop/deep/__init__.py"


def graph(root: Path, test: str, text: str) -> set[str]:
    """Return what one test file reaches in the tree, without itself and the top conftest."""
    files: dict[str, Stamp] = {}
    for number, (path, content) in enumerate((*TREE.items(), (test, text))):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
        files[path] = (number, len(content), number)
    return ImportGraph(root).reached([test], files)[test] - {test, "conftest.py", "top.py"}


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("import json", set()),
        ("import shop.tax", {SHOP, "src/shop/tax.py"}),
        ("from shop import tax as t", {SHOP, "src/shop/tax.py"}),
        ("def test():\n    from shop.base import Base", {SHOP, "src/shop/base.py"}),
        (
            "import shop.price",
            {SHOP, DEEP, "src/shop/price.py", "src/shop/tax.py", "src/shop/deep/rate.py", "src/shop/base.py"},
        ),
        ("from shop import table", {SHOP, "src/shop/table.py", "src/shop/late.py"}),
        ("X = patch('shop.tax.RATE')", {SHOP, "src/shop/tax.py"}),
        ("from support.world import World", {"tests/support/__init__.py", "tests/support/world.py"}),
        ("import (", set()),
    ],
)
def test_imports_are_followed(tmp_path: Path, text: str, reached: set[str]) -> None:
    """Absolute, relative, late, by a text in a table or a patch; packages on the way; what has no sense is alone."""
    assert graph(tmp_path, "tests/test_it.py", text) == reached


def test_the_conftests_above_a_test_are_its_own(tmp_path: Path) -> None:
    """All of them, with the plugins that they name."""
    found = graph(tmp_path, "tests/deep/test_it.py", "")
    assert found == {"tests/deep/conftest.py", "tests/support/__init__.py", "tests/support/world.py"}


def test_a_file_that_has_changed_is_parsed_again(tmp_path: Path) -> None:
    """By its stamp, as the rest is not."""
    (tmp_path / "test_it.py").write_text("import a")
    files: dict[str, Stamp] = {"test_it.py": (1, 1, 1), "a.py": (1, 1, 1), "b.py": (1, 1, 1)}
    for name in ("a.py", "b.py"):
        (tmp_path / name).touch()
    imports = ImportGraph(tmp_path)
    assert imports.reached(["test_it.py"], files) == {"test_it.py": {"test_it.py", "a.py"}}
    (tmp_path / "test_it.py").write_text("import b")
    assert imports.reached(["test_it.py"], files) == {"test_it.py": {"test_it.py", "a.py"}}
    assert imports.reached(["test_it.py"], {**files, "test_it.py": (2, 1, 1)}) == {"test_it.py": {"test_it.py", "b.py"}}
