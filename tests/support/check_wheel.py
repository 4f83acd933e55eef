"""Is the built wheel what another project needs? `nox -s dist` runs this.

The wheel is built and installed beside nox, then a project that is not this one (`tests/support/second_project`)
uses it with three lines of noxfile: lock, core, nd, ready, and a test broken on purpose.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.install_commands import install_commands

ROOT = Path(__file__).resolve().parents[2]
SECOND = Path(__file__).resolve().parent / "second_project"
UV = str(Path(sys.executable).with_name("uv"))


def run(*words: str, cwd: Path, expect: int = 0, more: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output; end this program when the exit code is another than expected.

    Args:
        more: further variables of the command's environment.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NOX", "VIRTUAL"))
    } | dict(more or {})
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != expect:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
    print(f"ok, exit {expect}: {' '.join(Path(word).name for word in words)}", flush=True)
    return done.stdout + done.stderr


def check_contents(wheel: Path) -> None:
    """End this program when the wheel lacks a typing marker or the control lock, or carries tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    needed = {"greenlane/py.typed", "mini_agent/py.typed", "greenlane/environment/control.txt"}
    if not needed <= names:
        sys.exit(f"{wheel.name} lacks {', '.join(sorted(needed - names))}")
    if any(name.startswith(("tests/", "benchmarks/")) for name in names):
        sys.exit(f"{wheel.name} carries tests")


def check_installs(folder: Path) -> None:
    """End this program when a command that we print to install something does not work in a copy of the checkout."""
    copy = folder / "checkout"
    copy.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    run(UV, "build", "--quiet", "--wheel", cwd=copy)
    for number, words in enumerate({tuple(words) for words in install_commands().values()}):
        environment = folder / f"installed-{number}"
        run(UV, "venv", "--quiet", "--python", sys.executable, str(environment), cwd=folder)
        run(UV, "pip", "install", "--quiet", "--python", str(environment / "bin/python"), *words, cwd=copy)


SUITE = "def test_theirs():\n    assert True\n"


def check_harness(folder: Path, wheel: Path, python: str) -> None:
    """End this program when a nox that has no greenlane cannot bring it into a stranger's repository.

    Args:
        folder: where repositories are made; wheel: the one that is brought.
        python: interpreter that has greenlane, for `init`.
    """
    bare = str(folder / "bare/bin/python")
    run(UV, "venv", "--quiet", "--python", sys.executable, str(folder / "bare"), cwd=folder)
    run(
        UV,
        "pip",
        "install",
        "--quiet",
        "--python",
        bare,
        "--require-hashes",
        "-r",
        str(ROOT / "locks/nox.txt"),
        cwd=folder,
    )
    version = wheel.name.split("-")[1]
    with index_of(wheel, folder / "index") as index:
        for way, words, more in (
            ("wheel", f"wheels/{wheel.name}", {}),
            ("folder", "wheels", {}),
            ("index", f"greenlane=={version}", {"UV_INDEX": index}),
        ):
            project = folder / f"stranger-{way}"
            (project / "tests").mkdir(parents=True)
            (project / "tests/test_theirs.py").write_text(SUITE)
            if way != "index":
                (project / "wheels").mkdir()
                shutil.copy(wheel, project / "wheels")
            run(python, "-P", "-m", "greenlane", "init", "--yes", "--harness", words, cwd=project, more=more)
            output = run(bare, "-m", "nox", "-s", "ready", cwd=project, more=more)
            if "READY (policy dev)" not in output:
                sys.exit(f"a stranger with greenlane from a {way} is not READY:\n{output}")


@contextlib.contextmanager
def index_of(wheel: Path, folder: Path) -> Iterator[str]:
    """Serve a package index that has one wheel, on loopback, and give its address."""
    page = folder / "simple/greenlane"
    page.mkdir(parents=True)
    shutil.copy(wheel, page)
    (page / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def main() -> None:
    """Build, install, use."""
    with tempfile.TemporaryDirectory(prefix="greenlane-dist-") as name:
        folder = Path(name)
        run(UV, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT), cwd=ROOT)
        wheel = next(folder.glob("*.whl"))
        check_contents(wheel)
        check_installs(folder)
        run(UV, "venv", "--quiet", "--python", sys.executable, str(folder / "nox"), cwd=folder)
        python = str(folder / "nox/bin/python")
        pip = (UV, "pip", "install", "--quiet", "--python", python)
        run(*pip, "--require-hashes", "-r", str(ROOT / "locks/nox.txt"), cwd=folder)
        run(*pip, "--no-deps", str(wheel), cwd=folder)
        check_harness(folder, wheel, python)
        project = folder / "second"
        shutil.copytree(SECOND, project)
        nox = (python, "-m", "nox", "-s")
        run(*nox, "lock", cwd=project)
        run(*nox, "lock", "--", "--check", cwd=project)
        for session, words in (("core", ()), ("nd", ()), ("nd", ("--", "shard_b"))):
            run(*nox, session, *words, cwd=project)
        output = run(*nox, "ready", "--", "--policy", "deploy", cwd=project)
        if "READY (policy deploy, strict)" not in output or not (project / "PROJECT_READY.md").exists():
            sys.exit(f"the second project is not READY:\n{output}")
        test = project / "tests/core/test_double.py"
        test.write_text(test.read_text().replace("42", "43"))
        run(*nox, "core", cwd=project, expect=1)
        run(*nox, "nd", "--", "shard_z", cwd=project, expect=2)


if __name__ == "__main__":
    main()
