"""Lanes as nox sessions of a project that is not this one: three lines in its noxfile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.tiny import CORE, NOXFILE, TinyProject, interrupt

PASSING = "def test_ok():\n    assert True\n"


def test_three_lines(tiny: TinyProject) -> None:
    """A project with three lines of noxfile runs its lane: green is exit 0."""
    assert len([line for line in NOXFILE.splitlines() if line]) <= 3
    ran = tiny.test(PASSING).nox("core")
    assert ran.code == 0, ran.output
    assert "core: GREEN" in ran.output


def test_list(tiny: TinyProject) -> None:
    """`nox -l` lists every lane, `ready` and `lock`, each with one line on what it does."""
    tiny.lanes(core=CORE, nd={**CORE, "kind": "nondeterministic", "shards": ["shard_a", "shard_b"]})
    ran = tiny.nox("core", "-l")
    assert ran.code == 0, ran.output
    for start in ("core -> hermetic", "nd -> tests on real", "ready -> the main job", "lock -> compile"):
        assert start in ran.output
    assert "[shard_a, shard_b]" in ran.output


CODES = {
    "red": (("core",), "def test_a(): assert 0\n", 1, "core: RED"),
    "an unknown shard": (("core", "--", "shard_z"), PASSING, 2, "known: none, the lane is not sharded"),
    "an unknown option": (
        ("core", "--", "--fast"),
        PASSING,
        2,
        "CONFIG_ERROR: nox -s core --: unrecognized arguments: --fast",
    ),
    "an option of pytest": (("core", "--", "--lf"), PASSING, 2, "options of pytest go into PYTEST_ADDOPTS"),
    "an expression": (("core", "--", "-k", "ok"), PASSING, 1, "options that narrow the run are in force: -k"),
}


@pytest.mark.parametrize(("words", "body", "code", "text"), CODES.values(), ids=CODES.keys())
def test_exit_codes(tiny: TinyProject, words: tuple[str, ...], body: str, code: int, text: str) -> None:
    """Nox ends with the harness's exit codes."""
    ran = tiny.test(body).nox(*words)
    assert ran.code == code, ran.output
    assert text in ran.output
    assert "lane [SHARD" not in ran.output
    assert "Traceback" not in ran.output


def test_a_wrong_configuration(tiny: TinyProject) -> None:
    """A wrong configuration is exit 2 before any session, without a traceback."""
    tiny.lanes(core={**CORE, "budgt": 1})
    ran = tiny.nox("core")
    assert ran.code == 2
    assert "CONFIG_ERROR: pyproject.toml: [tool.greenlane] lanes.core.budgt: unknown key" in ran.output
    assert "Traceback" not in ran.output


IMPORTED = """
import sys
import greenlane.nox_sessions
names = {name.split(".")[0] for name in sys.modules}
print(sorted(names & {"rich", "pytest", "_pytest", "sqlalchemy", "httpx", "aiohttp", "pydantic", "uv"}))
"""


def test_the_nox_side_is_small() -> None:
    """Importing the session factory loads nothing beyond the standard library, nox and msgspec."""
    done = subprocess.run([sys.executable, "-P", "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_term_to_nox(tiny: TinyProject, tmp_path: Path) -> None:
    """TERM to nox itself ends the lane's processes and exits 130."""
    tiny.lanes(core={**CORE, "test_timeout": 0}).write("noxfile.py", NOXFILE)
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    tiny.test(f"""
        import os, signal
        def test_hang():
            with open({str(pipe)!r}, "w") as pipe:
                pipe.write(str(os.getpid()))
            signal.pause()
    """)
    command = [*tiny.command("lane")[:3], "nox", "--noxfile", str(tiny.path / "noxfile.py"), "-s", "core"]
    run = subprocess.Popen(
        command, cwd=tiny.path, env=tiny.environment(NOX_SCRIPT_MODE="none"), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    pid = pipe.read_text()
    code, output = interrupt(run, 15)
    assert code == 130, output
    assert "INTERRUPTED" in output
    assert not Path(f"/proc/{pid}").exists()
