"""Which test files a change concerns, while somebody works."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.evidence.journal import FilesRead
from greenlane.run.imports import ImportGraph, Stamp
from greenlane.run.rounds import Concerns

TESTS = ["tests/test_a.py", "tests/test_b.py", "tests/test_c.py"]
FILES: dict[str, Stamp] = dict.fromkeys([*TESTS, "price.py", "data/x.txt", "data/y.txt", "docs/page.md"], (1, 1, 1))
READS = {
    "tests/test_a.py": ("__pycache__/price.cpython-311.pyc", "data/x.txt"),
    "tests/test_b.py": ("data/", ".nox/core/lib/python3.11/site-packages/shop/tax.py", "data/absent.txt"),
}


def read(nodeid: str, paths: tuple[str, ...] = (), *, processes: bool = False) -> FilesRead:
    """Return what one test file read."""
    return FilesRead(worker="gw0", at=0.0, nodeid=nodeid, paths=paths, processes=processes)


def concerned(root: Path, change: dict[str, Stamp | None], *more: FilesRead) -> list[str]:
    """Return the test files that changed, new (with a stamp) or removed files concern."""
    concerns = Concerns(ImportGraph(root))
    concerns.learn(TESTS, FILES, [*(read(test, paths) for test, paths in READS.items()), *more])
    after = {path: stamp for path, stamp in {**FILES, **change}.items() if stamp is not None}
    return concerns.of(set(change), [test for test in after if "test_" in test], FILES, after)


@pytest.mark.parametrize(
    ("change", "tests"),
    [
        ({"docs/page.md": (2, 1, 1)}, []),
        ({"data/x.txt": (2, 1, 1)}, ["tests/test_a.py"]),
        ({"price.py": (2, 1, 1)}, ["tests/test_a.py"]),
        ({"tests/test_c.py": (2, 1, 1)}, ["tests/test_c.py"]),
        ({"tests/test_d.py": (2, 1, 1)}, ["tests/test_d.py"]),
        ({"tests/test_b.py": None}, []),
        # A listing knows names, not contents.
        ({"data/y.txt": (2, 1, 1)}, []),
        ({"data/y.txt": None}, ["tests/test_b.py"]),
        ({"data/z.txt": (2, 1, 1)}, ["tests/test_b.py"]),
        ({"data/absent.txt": (2, 1, 1)}, ["tests/test_b.py"]),
        ({"src/shop/tax.py": (2, 1, 1)}, ["tests/test_b.py"]),
        ({"pyproject.toml": (2, 1, 1)}, TESTS),
    ],
)
def test_a_change_concerns_what_reads_it(tmp_path: Path, change: dict[str, Stamp | None], tests: list[str]) -> None:
    """By content, by name, by what it was made from."""
    assert concerned(tmp_path, change) == tests


def test_what_nobody_can_see_is_run_again(tmp_path: Path) -> None:
    """Who began a process may depend on anything; so does everybody, where a fixture of the session did."""
    change: dict[str, Stamp | None] = {"docs/page.md": (2, 1, 1)}
    assert concerned(tmp_path, change, read(TESTS[2], processes=True)) == [TESTS[2]]
    assert concerned(tmp_path, change, read("", processes=True)) == TESTS
    assert concerned(tmp_path, {"data/y.txt": (2, 1, 1)}, read("", ("data/y.txt",))) == TESTS
