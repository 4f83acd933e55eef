"""`--watch`, as people use it: a lane that runs again what each change concerns, until Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable

from support.tiny import CORE, TinyProject, interrupt

TESTS = {
    "tests/test_price.py": "import price\ndef test_price(): assert price.TAX == 2\n",
    "tests/test_data.py": """
        import pathlib
        def test_data(table): assert table == "x" == pathlib.Path("data/x.txt").read_text()
    """,
    "tests/test_list.py": "import os\ndef test_list(): assert 'bad' not in os.listdir('data')\n",
    "tests/conftest.py": """
        import pathlib, pytest
        @pytest.fixture(scope="session")
        def table(): return pathlib.Path("data/table.txt").read_text()
    """,
    "lib/price.py": "from tax import TAX\n",
    "lib/tax.py": "TAX = 2\n",
    "data/x.txt": "x",
    "data/table.txt": "x",
    "docs/page.md": "x",
    "pytest.ini": "[pytest]\npythonpath = lib\n",
}


def test_a_lane_is_watched(make_tiny: Callable[..., TinyProject]) -> None:
    """Each change runs the files that import, read or list it; nothing is ever READY; Ctrl-C is an interruption."""
    tiny = make_tiny().lanes(core={**CORE, "workers": 2})
    for name, text in TESTS.items():
        tiny.write(name, text)
    old = ".artifacts/verdicts/core.json"
    tiny.write(old, '{"word": "GREEN"}')
    said: list[str] = []
    with tiny.start("lane", "core", "--watch") as process:
        assert process.stdout is not None
        lines = (line.decode().rstrip() for line in process.stdout)

        def until(text: str) -> str:
            """Return what is said up to a line with a text."""
            found: list[str] = []
            while not found or text not in found[-1]:
                found.append(next(lines))
            said.extend(found)
            return "\n".join(found)

        def changed(name: str, text: str, end: str = "watching;") -> str:
            """Write a file, and return the block that it makes."""
            tiny.write(name, text)
            return until(end)

        assert "3 of 3 test files: 3 passed" in until("watching;")
        block = changed("lib/tax.py", "TAX = 3\n")
        assert "1 of 3 test files (lib/tax.py changed): 1 failed" in block
        assert "  FAILED [core] tests/test_price.py::test_price: assert 3 == 2" in block
        assert block.count("\n") == 2
        assert block.endswith(
            "core: 1 red (tests/test_price.py), watching; a whole run still has to show the other 2 files, "
            "and that all of it is green: nox -s core"
        )
        assert "(data/x.txt changed): 1 failed" in changed("data/x.txt", "y")
        assert "(data/bad changed): 1 failed" in changed("data/bad", "")
        assert "3 of 3 test files (data/table.txt changed)" in changed("data/table.txt", "y")
        assert "no test file reads docs/page.md" in changed("docs/page.md", "y", end="page.md")
        before = (tiny.path / "pyproject.toml").read_text()
        assert "CONFIG_ERROR: pyproject.toml" in changed("pyproject.toml", f"{before}\nx = 1\n", end="next:")
        assert "3 of 3 test files (pyproject.toml changed)" in changed("pyproject.toml", before)
        code, rest = interrupt(process, signal.SIGINT)
    assert (code, rest.strip()) == (130, "core: watched, 6 rounds; nothing is proved: nox -s core")
    assert not any(word in line for line in said for word in ("READY", "GREEN", "PASS"))
    assert not any((tiny.path / name).exists() for name in ("PROJECT_READY.md", old))


def test_a_watch_chooses_by_itself(tiny: TinyProject) -> None:
    """Who says what is run does not watch."""
    ran = tiny.greenlane("lane", "core", "--watch", "--failed")
    assert ran.code == 2
    assert "CONFIG_ERROR: --watch chooses what is run by what changes" in ran.output
