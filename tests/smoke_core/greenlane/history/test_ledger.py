"""`greenlane-ledger.toml`: what is written is read again, what is wrong is told, and the older file is taken over."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from greenlane.config.load import Settings, load
from greenlane.errors import ConfigError
from greenlane.evidence.ledger import LeakEntry, Ledger, MoveEntry, SkipEntry
from greenlane.evidence.quarantine import Entry
from greenlane.history.ledger import older_file, parse_ledger, read_ledger, write_ledger

SAID = {"why": "known since the rewrite", "since": "2026-01-31", "who": "Ann"}
LEAK = LeakEntry(what="attributes:app.handlers", test="tests/test_a.py::test_b[1-x]", **SAID)
SKIP = SkipEntry(test="tests/test_a.py::*", reason="*windows*", platform="win32", **SAID)
MOVE = MoveEntry(test="tests/test_net.py::*", lane="nd", evidence=("called 192.0.2.1:80",), **SAID)
FLAKY = Entry(test="tests/test_n.py::test_x", lane="nd", since="2026-01-01", expires="2026-02-01", owner="bo")
WHOLE = Ledger(leaks=(LEAK,), skips=(SKIP,), quarantined=(FLAKY,), moves=(MOVE,))
OLDER = """\
schema = 1
[[quarantined]]
test = "tests/test_n.py::test_x"
lane = "nd"
since = "2026-01-01"
expires = "2026-02-01"
owner = "bo"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A project with two lanes."""
    lanes = '[tool.greenlane.lanes]\ncore = { kind = "deterministic", tests = ["tests"] }\n'
    lanes += 'nd = { kind = "nondeterministic", tests = ["nd"] }\n'
    (tmp_path / "pyproject.toml").write_text(lanes)
    return load(tmp_path, {})


def test_what_is_written_is_read(settings: Settings) -> None:
    """Every kind of entry comes back as it was, and a second writing changes nothing."""
    write_ledger(settings.root, WHOLE)
    first = (settings.root / "greenlane-ledger.toml").read_bytes()
    assert read_ledger(settings) == WHOLE
    write_ledger(settings.root, read_ledger(settings))
    assert (settings.root / "greenlane-ledger.toml").read_bytes() == first


def test_no_file_is_an_empty_ledger(settings: Settings) -> None:
    """Nothing is excused by nothing."""
    assert read_ledger(settings) == Ledger()


@hypothesis_settings(max_examples=50)
@given(st.text(), st.text())
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, why: str, what: str) -> None:
    """Quotes, line breaks, control characters; only what UTF-8 lacks becomes a question mark."""
    folder = tmp_path_factory.getbasetemp()
    write_ledger(folder, Ledger(leaks=(LeakEntry(what=what, why=why, since="2026-01-31", who="x"),)))
    (entry,) = parse_ledger(folder).leaks
    assert (entry.why, entry.what) == tuple(text.encode("utf-8", "replace").decode() for text in (why, what))


def test_a_change_of_one_entry_is_a_change_of_its_lines(settings: Settings) -> None:
    """Entries are sorted, whatever order they are given in."""
    other = LeakEntry(what="environ:HOME", **SAID)
    write_ledger(settings.root, Ledger(leaks=(LEAK, other)))
    first = (settings.root / "greenlane-ledger.toml").read_text()
    write_ledger(settings.root, Ledger(leaks=(other, LEAK)))
    assert (settings.root / "greenlane-ledger.toml").read_text() == first


def test_the_older_file_is_read_and_taken_over(settings: Settings) -> None:
    """The entries of `quarantine.toml` count beside those of the ledger, until that is written."""
    (settings.root / "quarantine.toml").write_text(OLDER)
    write_ledger(settings.root, Ledger(leaks=(LEAK,)))
    assert read_ledger(settings) == Ledger(leaks=(LEAK,), quarantined=(FLAKY,))
    write_ledger(settings.root, read_ledger(settings), older_file(settings))
    assert not (settings.root / "quarantine.toml").exists()
    assert older_file(settings) == ""
    assert read_ledger(settings) == Ledger(leaks=(LEAK,), quarantined=(FLAKY,))


def skip(**cause: str) -> str:
    """Return the file with a skip for a cause."""
    lines = {"test": "tests/test_a.py::*", **SAID, **cause}
    return "[[skip]]\n" + "".join(f'{key} = "{value}"\n' for key, value in lines.items())


WRONG = {
    "no TOML": ("[[", "greenlane-ledger.toml: Invalid "),
    "another version": ("schema = 2", "has schema 2; this greenlane reads 1"),
    "an unknown table": ("[[leaks]]", "Object contains unknown field `leaks`"),
    "an unknown key": (skip(platform="win32", colour="red"), "Object contains unknown field `colour`"),
    "nobody accepted it": ('[[leak]]\nwhat = "environ:X"\nwhy = "y"\nsince = "2026-01-31"\n', "required field `who`"),
    "no reason": (skip(platform="win32", why=" "), "skip tests/test_a.py::*: why is empty"),
    "no day": (skip(platform="win32", since="May"), "since: 'May' is not a day such as 2026-01-31"),
    "no cause": (skip(), "exactly one cause is needed (platform, python, implementation, privilege, dependency, else"),
    "two causes": (skip(platform="win32", python=">=3.12"), "named: platform, python"),
    "a platform that is none": (skip(platform="windows"), "platform: 'windows' is not one of aix, "),
    "a version that is none": (skip(python="3.12+"), "python: '3.12+' is not a range of versions such as >=3.12"),
    "an implementation that is none": (skip(implementation="PyPy"), "'PyPy' is not one of cpython, pypy, graalpy"),
    "a privilege that is none": (skip(privilege="admin"), "privilege: 'admin' is not one of root, user"),
    "no import name": (skip(dependency="scikit-learn"), "'scikit-learn' is not an import name such as numpy"),
    "the standard library": (skip(dependency="tkinter"), "'tkinter' is in the standard library, which no lock holds"),
    "an unknown other lane": (skip(elsewhere="mars"), "elsewhere: unknown lane 'mars'; known: core, nd"),
    "elsewhere is here": (skip(elsewhere="core", lane="core"), "'core' is the lane in which it is skipped"),
    "an unknown lane": (skip(platform="win32", lane="mars"), "unknown lane 'mars'; known: core, nd"),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(settings: Settings, text: str, told: str) -> None:
    """A mistake is named with the file, the entry and what is allowed."""
    (settings.root / "greenlane-ledger.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"greenlane-ledger\.toml") as error:
        read_ledger(settings)
    assert told in error.value.message


def test_a_move_may_lead_out_of_every_lane(settings: Settings) -> None:
    """`broken` is no lane, and a word that a move knows; another is not."""
    write_ledger(settings.root, Ledger(moves=(MoveEntry(test="tests/test_a.py::test_x", lane="broken", **SAID),)))
    assert read_ledger(settings).moves[0].lane == "broken"
    write_ledger(settings.root, Ledger(moves=(MoveEntry(test="tests/test_a.py::test_x", lane="mars", **SAID),)))
    with pytest.raises(ConfigError, match="unknown lane 'mars'; known: core, nd, broken"):
        read_ledger(settings)
