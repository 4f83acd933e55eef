"""What the documents say is what the code does: commands exist, snippets run, every key and code is listed."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from greenlane.cli.main import own_commands, parser
from greenlane.config.load import DERIVED, NAMED, load
from greenlane.config.schema import Configuration
from greenlane.evidence.violation import EXPLANATIONS
from greenlane.version import VERSION

ROOT = Path(__file__).resolve().parents[3]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "clients").glob("*.md")), ROOT / "README.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_is_within_thirty_lines() -> None:
    """Problem, sentence and smallest example with its output stand in the first 30 lines."""
    head = "\n".join(README.splitlines()[:30])
    assert "$ python3 bootstrap.py ready\nPASS  core" in head
    assert "READY (policy dev)" in head


def test_every_session_exists() -> None:
    """Each session that the documents tell people to run is registered."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    noxfile = (ROOT / "noxfile.py").read_text()
    known = {*config["tool"]["greenlane"]["lanes"], "greenlane", "ready", "verdict", "lock"}
    known |= set(re.findall(r"^def ([a-z]+)\(session", noxfile, re.MULTILINE))
    texts = README + (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / ".ci" / "run").read_text()
    named = set(re.findall(r"(?:nox -s|bootstrap\.py) ([a-z]+)", texts))
    assert named
    assert named <= known


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_place_for_contributors_exists() -> None:
    """Files and folders that CONTRIBUTING.md and docs/testing.md send people to are there."""
    text = CONTRIBUTING + (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    places = set(re.findall(r"`((?:src|tests|docs|benchmarks|\.ci)(?:/[\w./]*)?)`", text))
    assert len(places) > 15
    named = [place for place in sorted(places) if "ROOM" not in place]
    assert [place for place in named if not (ROOT / place).exists()] == []
    assert {"pull_request_template.md", "ISSUE_TEMPLATE"} <= {path.name for path in (ROOT / ".github").iterdir()}


def test_every_command_for_contributors_is_understood() -> None:
    """What follows `--` is understood by the lane or the command that it is for."""
    lanes = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["greenlane"]["lanes"]
    lines = re.findall(r"(?:nox -s|bootstrap\.py) (\w+) -- ([^`\n]+)", CONTRIBUTING)
    for session, words in lines:
        rest = [word.replace("…", "x") for word in shlex.split(words)]
        if session in lanes:
            parser().parse_args(["lane", session, *rest])
        elif session != "focus":
            parser().parse_args(rest if session == "greenlane" else [session, *rest])
    assert {"focus", "core", "ready", "greenlane"} <= {session for session, _ in lines}


def test_every_example_is_understood() -> None:
    """Each command line of the help texts, which docs/commands.md shows, has words that the command takes."""
    lines = re.findall(
        r"^\$ greenlane (.*)$", (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    called = {parser().parse_args(shlex.split(re.sub(r" [|>].*", "", line))).command for line in lines}
    assert called == set(own_commands())


def test_every_command_that_is_named_exists() -> None:
    """`greenlane WORD` is a command and `nox -s WORD` a session or a lane, wherever a page names one in passing."""
    for page in PAGES:
        named = re.findall(r"`greenlane ([a-z]+)[ `]", page.read_text(encoding="utf-8"))
        assert set(named) <= set(own_commands()), page


def test_every_page_with_snippets_has_a_test() -> None:
    """A page that shows something to run or to paste is read by a test, by its name.

    One is not: it sets variables of a program that is nobody's to ship. Its HTTP requests are tested with the gateway.
    """
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    shown = [page.name for page in PAGES if re.search(r"^```\w", page.read_text(encoding="utf-8"), re.MULTILINE)]
    assert len(shown) > 10
    assert [name.removesuffix(".md") for name in shown if f'{name}"' not in tests] == ["claude-code"]


def test_the_snippets_of_the_configuration_are_valid(tmp_path: Path) -> None:
    """The tables are taken over beside a lane, and the Python is Python."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    services = []
    for kind, block in blocks:
        if kind == "python":
            assert ast.parse(block)
            continue
        assert kind == "toml"
        (name,) = tomllib.loads(block)["tool"]["greenlane"]["services"]
        lane = f'[tool.greenlane.lanes.nd]\nkind = "nondeterministic"\ntests = ["tests"]\nservices = ["{name}"]\n'
        (tmp_path / "pyproject.toml").write_text(f"{lane}\n{block}\n[dependency-groups]\n{name} = []\n")
        services.append(load(tmp_path, {}).configuration.services[name])
    assert [service.ready for service in services] == ["/ready", ""]


def keys(kind: type[msgspec.Struct]) -> Iterator[str]:
    """Yield the keys that a table of the configuration may have."""
    yield from (name for name in kind.__struct_fields__ if name not in DERIVED)


def test_every_key_is_documented() -> None:
    """Each key of each table stands in docs/configuration.md."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    default = Configuration()
    sections = (default.address, default.router, default.leaks, default.report, default.history, default.quarantine)
    tables = [*NAMED.values(), *map(type, sections)]
    wanted = {key for table in tables for key in keys(table)} | set(keys(Configuration)) - set(NAMED)
    missing = {key for key in wanted if not re.search(rf"`(?:[a-z]+\.(?:<name>\.)?)?{key}`", text)}
    assert missing == set()


def test_one_version() -> None:
    """The version that artifacts carry is the distribution's."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_two_commands() -> None:
    """The README has exactly two commands for a machine with Python and nothing else, and the gate calls the second."""
    commands = re.findall(r"^\$ (python3 .*)$", README, re.MULTILINE)
    assert commands == ["python3 bootstrap.py ready", "python3 bootstrap.py ready -- --policy matrix"]
    assert commands[1] in (ROOT / ".ci" / "run").read_text()


def test_every_code_is_documented() -> None:
    """docs/codes.md has one row for each code, with the meaning and next step that the reports print."""
    rows = [f"| `{code.value}` | {known.meaning} | {known.next_step} |" for code, known in EXPLANATIONS.items()]
    lines = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `")] == rows
