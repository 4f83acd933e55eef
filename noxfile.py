"""The sessions of this project: its lanes come from pyproject.toml, its code checks are below."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2026.10", "msgspec>=0.19", "uv>=0.13"]
# ///

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent / "src"))

from greenlane.nox_sessions import register_lanes

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["core", "agent"]
nox.options.reuse_venv = "yes"

register_lanes(__file__)


def _tools(session: nox.Session) -> None:
    """Install the code checkers, hashes required."""
    session.install("--require-hashes", "-r", "locks/tools.txt")


@nox.session
def focus(session: nox.Session) -> None:
    """Some tests by path, with pytest's own options, in seconds; no lane and no verdict: `-- tests/… --pdb`."""
    if not session.posargs:
        session.error("name tests: nox -s focus -- tests/smoke_core/greenlane/judge")
    session.install("--require-hashes", "-r", "locks/agent.txt")
    session.install("--no-deps", "--editable", ".")
    session.run("pytest", "-q", "-p", "no:cacheprovider", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, dead code, and the workflow files."""
    _tools(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", "tests/support/check_workflows.py")


@nox.session
def types(session: nox.Session) -> None:
    """Strict typing of both packages, of what tests share, and of the benchmarks."""
    _tools(session)
    session.run("mypy", "--strict", "src/greenlane", "src/mini_agent", "tests/support", "benchmarks")


@nox.session
def arch(session: nox.Session) -> None:
    """The floors of both houses."""
    _tools(session)
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site, in .artifacts/site; a broken link or a page that is nowhere fails."""
    _tools(session)
    session.run("mkdocs", "build", "--strict", "--quiet", "--site-dir", ".artifacts/site")


@nox.session
def dist(session: nox.Session) -> None:
    """The built wheel, used by another project."""
    _tools(session)
    session.run("python", "tests/support/check_wheel.py", *session.posargs)


@nox.session
def compat(session: nox.Session) -> None:
    """The lane plugin on every Python and pytest that can be installed here."""
    _tools(session)
    session.install("--no-deps", ".")
    session.run("python", "tests/support/check_compat.py")


@nox.session
def openapi(session: nox.Session) -> None:
    """The gateway against its own OpenAPI document, with schemathesis."""
    session.install("--require-hashes", "-r", "locks/openapi.txt")
    session.install("--no-deps", ".")
    words = session.posargs or ["--max-examples", "50"]
    session.run("python", "tests/support/check_openapi.py", *words, env={"TMPDIR": session.create_tmp()})


@nox.session
def bench(session: nox.Session) -> None:
    """What the harness costs, beside its peers, in paired runs; `-- shards`, `-- polluter` for these, with options."""
    name, *words = session.posargs or ["lane_overhead"]
    if name == "lane_overhead":
        _tools(session)
    else:
        session.install("--require-hashes", "-r", "locks/bench.txt")
        session.install("--no-deps", ".")
    session.run("python", f"benchmarks/{name}.py", *words)
