"""What other distributions add is found by their entry points, and told by its name when it fails."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from greenlane.cli.main import main
from greenlane.config.context import Context
from greenlane.config.lanes import Lane, LaneKind
from greenlane.config.load import load as load_settings
from greenlane.config.schema import Configuration
from greenlane.evidence.violation import Code
from greenlane.report.write import remove_reports, write_reports
from greenlane.run.guards import Guarded, Look, given_files, look_around
from greenlane.run.requirements import added_examiners
from greenlane.supervisor.supervisor import give
from greenlane.util.extensions import COMMANDS, GROUPS, extensions, load
from support.distribution import install
from support.evidence import demand, lane, outcome
from support.reports import VERDICTS

ROOT = Path(__file__).parents[4]
HELLO = """
    HELP = "Greet 100% politely."
    EXAMPLES = "  greenlane hello"
    def add_arguments(parser): parser.add_argument("--name", default="you")
    def run(arguments, environ):
        print(f"hello {arguments.name}, {environ['HOME'] and 'home'}")
        return 0
"""
Installed = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Install a distribution for one test."""
    before = set(sys.modules)

    def into_path(name: str, text: str, **groups: dict[str, str]) -> None:
        module = name.replace("-", "_")
        folder = install(
            tmp_path / name,
            name,
            {f"{module}.py": text},
            {f"greenlane.{group}": points for group, points in groups.items()},
        )
        monkeypatch.syspath_prepend(str(folder))

    yield into_path
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


def greenlane(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run a command line and return exit code and output."""
    try:
        code = main(words)
    except SystemExit as error:
        code = int(error.code or 0)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_every_own_extension_can_be_loaded() -> None:
    """A checkout finds what its pyproject.toml declares, and each is there: none is lost by a wrong name."""
    found = {f"{group}:{e.name}": load(e) for group in GROUPS for e in extensions(group) if e.own}
    assert {"greenlane.commands:changes", "greenlane.commands:migrate", "greenlane.examiners:answers"} <= set(found)
    assert "greenlane.guards:router" in found


def test_a_checkout_needs_no_metadata(tmp_path: Path) -> None:
    """Nox imports the harness from `src`, and nothing of it is installed there: its commands are found all the same."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    (libraries / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    code = "import sys; sys.path[:0] = sys.argv[1:]; from greenlane.cli.main import main; main(['changes', '-h'])"
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT / "src"), str(libraries)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: greenlane changes" in done.stdout


def test_a_command_of_others(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    """It is listed in the help, has options and an exit code, and is called by its name."""
    installed("polite", HELLO, commands={"hello": "polite"})
    code, output = greenlane(capsys, "hello", "--name", "Ada")
    assert (code, output) == (0, "hello Ada, home\n")
    code, output = greenlane(capsys, "--help")
    assert code == 0
    assert re.search(r"hello +Greet 100% politely\.", output)


BROKEN = {
    "not importable": ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "ends on import": ("raise SystemExit(0)", "SystemExit: 0"),
    "no syntax": ("def", "SyntaxError"),
    "without parts": ("HELP = ''", "has no EXAMPLES, add_arguments, run"),
    "bad options": (HELLO.replace("default", "defaults"), "its options cannot be declared: TypeError"),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_command_is_told_by_its_name(
    installed: Installed, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    """Called, it is a configuration error that names the distribution; the help and every other command go on."""
    installed("rude", text, commands={"hello": "rude"})
    code, output = greenlane(capsys, "hello")
    assert code == 2
    assert output.startswith("CONFIG_ERROR: command hello of rude 1.0")
    assert reason in output
    assert "Traceback" not in output
    code, output = greenlane(capsys, "--help")
    assert code == 0
    assert "cannot be used: command hello of rude 1.0" in " ".join(output.split())
    assert greenlane(capsys, "completion", "bash")[0] == 0


FAILS = {
    "raises": ("raise ValueError('boom')", "command hello of polite 1.0 failed: ValueError: boom"),
    "returns nothing": ("return None", "command hello of polite 1.0 returned None, which is no exit code"),
}


@pytest.mark.parametrize(("line", "reason"), FAILS.values(), ids=FAILS.keys())
def test_a_command_that_fails_is_not_our_error(
    installed: Installed, capsys: pytest.CaptureFixture[str], line: str, reason: str
) -> None:
    """What goes wrong in it is exit 3 with its name, never success."""
    installed("polite", HELLO.replace("return 0", line), commands={"hello": "polite"})
    code, output = greenlane(capsys, "hello")
    assert code == 3
    assert reason in output


def test_two_of_one_name(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody takes a command from the harness or from another: the later one is called by its distribution, too."""
    installed("aaa", HELLO, commands={"ready": "aaa", "hello": "aaa"})
    installed("zzz", HELLO.replace("hello {", "good day {"), commands={"hello": "zzz"})
    names = [extension.name for extension in extensions(COMMANDS, ("ready",)) if not extension.own]
    assert names == ["hello", "ready@aaa", "hello@zzz"]
    assert greenlane(capsys, "hello")[1].startswith("hello you")
    assert greenlane(capsys, "hello@zzz")[1].startswith("good day you")


EXAMINER = """
    from greenlane.evidence.violation import Code, Violation
    def slow(evidence, requirements):
        for test in evidence.journal.outcomes:
            if test.duration > 5:
                yield Violation(code=Code.EXTENSION, message=f"{test.nodeid} took {test.duration:g} s")
    def fails(evidence, requirements):
        yield Violation(code=Code.EXTENSION, message="seen before it failed", gating=False)
        raise KeyError("x")
    def talks(evidence, requirements):
        return ["not a violation"]
"""


def examined(*tests: object) -> list[str]:
    """Return the messages of what added examiners find in a lane, those of ours left out."""
    return [v.message for examine in added_examiners() for v in examine(lane(*tests), demand("core"))]  # type: ignore[arg-type]


def test_an_examiner_of_others(installed: Installed) -> None:
    """It sees the evidence of each check, and what it finds is a violation like any other."""
    installed("strictly", EXAMINER, examiners={"slow": "strictly:slow"})
    assert examined(outcome("test_fast", duration=1.0)) == []
    assert examined(outcome("test_slow", duration=9.0)) == ["tests/test_a.py::test_slow took 9 s"]


WORTHLESS = {
    "fails": ["seen before it failed", "examiner it of strictly 1.0 failed: KeyError: 'x'"],
    "talks": ["examiner it of strictly 1.0 returned 'not a violation', which is no violation"],
    "absent": [
        "examiner it of strictly 1.0 cannot be loaded: AttributeError: module 'strictly' has no attribute 'absent'"
    ],
}


@pytest.mark.parametrize(("name", "messages"), WORTHLESS.items(), ids=WORTHLESS.keys())
def test_an_examiner_that_cannot_examine_is_red(installed: Installed, name: str, messages: list[str]) -> None:
    """What it could not look at must not pass for green, and what it had found stays."""
    installed("strictly", EXAMINER, examiners={"it": f"strictly:{name}"})
    assert examined() == messages
    found = [v for examine in added_examiners() for v in examine(lane(), demand("core"))]
    assert (found[-1].code, found[-1].gating) == (Code.EXTENSION, True)


REPORT = """
    def badge(verdict, evidence): return f"<svg>{verdict.ready}, {len(evidence)}</svg>"
    def fails(verdict, evidence): raise OSError("no ink")
    def numbers(verdict, evidence): return 7
"""


def test_a_report_of_others(installed: Installed, tmp_path: Path) -> None:
    """It lies beside the verdict, ends as it is called, and goes when a new run begins."""
    installed("printer", REPORT, reports={"badge.svg": "printer:badge"})
    written = write_reports(VERDICTS["ready"], tmp_path, Configuration(), [lane()])
    assert (tmp_path / ".artifacts" / "verdict.badge.svg") in written
    assert (tmp_path / ".artifacts" / "verdict.badge.svg").read_text() == "<svg>True, 1</svg>"
    alone = VERDICTS["lane-green"]
    write_reports(alone, tmp_path, Configuration())
    assert (tmp_path / ".artifacts" / "verdicts" / f"{alone.lane}.badge.svg").exists()
    remove_reports(tmp_path, Configuration())
    assert not (tmp_path / ".artifacts" / "verdict.badge.svg").exists()


UNMADE = {
    "fails": "CONFIG_ERROR: report it.txt of printer 1.0 failed: OSError: no ink",
    "numbers": "CONFIG_ERROR: report it.txt of printer 1.0 returned 7, which is no text",
    "absent": "CONFIG_ERROR: report it.txt of printer 1.0 cannot be loaded: AttributeError",
}


@pytest.mark.parametrize(("name", "line"), UNMADE.items(), ids=UNMADE.keys())
def test_a_report_that_fails_loses_no_other(installed: Installed, tmp_path: Path, name: str, line: str) -> None:
    """Every other report is written, and a line names the one that is not."""
    installed(
        "printer", REPORT, reports={"a.svg": "printer:badge", "it.txt": f"printer:{name}", "z.svg": "printer:badge"}
    )
    lines: list[str] = []
    written = write_reports(VERDICTS["ready"], tmp_path, Configuration(), [], lines.append)
    assert {"verdict.a.svg", "verdict.z.svg", "verdict.json", "PROJECT_READY.md"} <= {path.name for path in written}
    assert "verdict.it.txt" not in {path.name for path in written}
    assert lines[0].startswith(line)


GUARD = """
    from greenlane.evidence.violation import Code, Violation
    from greenlane.run.guards import Guarded
    from greenlane.supervisor.plan import GivenFile
    def token(look):
        if look.context.environ.get("TOKEN_FILE"):
            return Guarded()
        told = Violation(code=Code.EXTENSION, message="TOKEN_FILE is not set", gating=look.strict)
        variables = {"TOKEN_FILE": "{path}"}
        file = GivenFile(line="token {path}", variables=variables, name="t.txt", text="of {base}", latest="l")
        return Guarded(notes=(told,), files=(file,), hermetic_files=(), facts=("a token is made",))
    def fails(look): raise LookupError("lost")
    def talks(look): return "fine"
"""


def looked(tmp_path: Path, **environ: str) -> dict[str, Guarded]:
    """Return what guards of others say of a strict run of a small project."""
    (tmp_path / "pyproject.toml").write_text('[tool.greenlane.lanes.core]\nkind = "deterministic"\ntests = ["t"]\n')
    context = Context(load_settings(tmp_path, environ), environ, print)
    found = look_around(Look(context=context, strict=True, read_yaml=str))
    return {name: guarded for name, guarded in found.items() if name != "router"}


def test_a_guard_of_others(installed: Installed, tmp_path: Path) -> None:
    """It sees the caller's environment, says what is wrong, and gives files, which lie where the run keeps its own."""
    installed("keeper", GUARD, guards={"token": "keeper:token"})
    assert looked(tmp_path, TOKEN_FILE="x") == {"token": Guarded()}
    found = looked(tmp_path)
    assert [(note.message, note.gating) for note in found["token"].notes] == [("TOKEN_FILE is not set", True)]
    assert given_files(found, Lane(kind=LaneKind.DETERMINISTIC, tests=()), tmp_path, tmp_path / "a") == ()
    files = given_files(found, Lane(kind=LaneKind.NONDETERMINISTIC, tests=()), tmp_path, tmp_path / "a")
    lines: list[str] = []
    assert give(files, "", lines.append) == {}
    assert give(files, "http://b", lines.append) == {"TOKEN_FILE": str(tmp_path / "a" / "t.txt")}
    assert (tmp_path / "a" / "t.txt").read_text() == (tmp_path / "l").read_text() == "of http://b"
    assert lines == [f"token {tmp_path / 'a' / 't.txt'}"]


BLIND = {
    "fails": "guard it of keeper 1.0 failed: LookupError: lost",
    "talks": "guard it of keeper 1.0 returned 'fine', which is no Guarded",
    "absent": "guard it of keeper 1.0 cannot be loaded: AttributeError: module 'keeper' has no attribute 'absent'",
}


@pytest.mark.parametrize(("name", "message"), BLIND.items(), ids=BLIND.keys())
def test_a_guard_that_cannot_look_is_red(installed: Installed, tmp_path: Path, name: str, message: str) -> None:
    """Nothing is run behind a guard that failed; what the others say is told as well."""
    installed("keeper", GUARD, guards={"it": f"keeper:{name}", "token": "keeper:token"})
    found = looked(tmp_path)
    assert [(note.code, note.message, note.gating) for note in found["it"].notes] == [(Code.EXTENSION, message, True)]
    assert found["token"].facts == ("a token is made",)
