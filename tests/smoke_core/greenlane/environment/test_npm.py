"""Locks of npm's packages: with a hash for each, without an address, and what their package.json asks for."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from greenlane.environment.lock_file import installation_failure, mismatched, unreachable
from greenlane.environment.npm import problems, state
from greenlane.environment.variables import install_environment
from greenlane.errors import ConfigError

WANTED = {"dependencies": {"chair": "1.0.0"}}
CHAIR = {"version": "1.0.0", "integrity": "sha512-AAAA", "optionalDependencies": {"leg": "1.0.0"}}
LOCK: dict[str, Any] = {
    "lockfileVersion": 3,
    "packages": {"": WANTED, "node_modules/chair": CHAIR, "node_modules/leg": {"integrity": "sha512-BBBB"}},
}


def write(folder: Path, lock: object, wanted: object = None) -> Path:
    """Write both files and return their folder."""
    (folder / "package.json").write_text(json.dumps(wanted or WANTED))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder


def broken(path: str, **changes: Any) -> dict[str, Any]:
    """Return the lock with members of an entry changed; one that is None is taken away."""
    lock = copy.deepcopy(LOCK)
    entry = lock["packages"][path] | changes
    lock["packages"][path] = {key: value for key, value in entry.items() if value is not None}
    return lock


def without_leg() -> dict[str, Any]:
    """Return the lock as npm makes it where a registry lacks a package that is optional."""
    lock = copy.deepcopy(LOCK)
    del lock["packages"]["node_modules/leg"]
    return lock


BROKEN = {
    "no hash": (broken("node_modules/chair", integrity=None), "node_modules/chair has no SHA-512"),
    "a weak hash": (broken("node_modules/leg", integrity="sha1-AAAA"), "node_modules/leg has no SHA-512"),
    "an address": (
        broken("node_modules/leg", resolved="https://registry.example/leg.tgz"), "node_modules/leg has an address",
    ),
    "a gap": (without_leg(), "node_modules/chair wants leg, which it lacks"),
    "other wishes": (broken("", dependencies={"table": "1.0.0"}), "dependencies of package.json are others"),
    "no lock": ([], "is no lock of npm's (version 2 or 3): Expected `object`, got `array`"),
    "no package": (
        {"packages": {"node_modules/leg": 1}}, "is no lock of npm's (version 2 or 3): Expected `object`, got `int`",
    ),
    "no names": (
        {"packages": {"": {"dependencies": None}}},
        "is no lock of npm's (version 2 or 3): Expected `object`, got `null`",
    ),
}  # fmt: skip


def test_a_good_lock(tmp_path: Path) -> None:
    """Nothing is wrong with it, and another content is another state."""
    folder = write(tmp_path, LOCK)
    assert problems(folder) == []
    before = state(folder)
    write(tmp_path, broken("node_modules/leg", integrity="sha512-CCCC"))
    assert state(folder) != before


@pytest.mark.parametrize(("lock", "problem"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_refused(tmp_path: Path, lock: object, problem: str) -> None:
    """Such a lock is not installed; the error says what is wrong, and how to make one."""
    folder = write(tmp_path, lock)
    assert any(told.startswith(problem) for told in problems(folder))
    with pytest.raises(ConfigError) as caught:
        state(folder)
    assert problem in caught.value.message
    assert caught.value.next_step == "make it with `greenlane lock`, which needs npm"


def test_files_that_are_not_there_or_no_json(tmp_path: Path) -> None:
    """Each is named."""
    assert problems(tmp_path) == ["package.json cannot be read: No such file or directory"]
    write(tmp_path, LOCK)
    (tmp_path / "package-lock.json").write_text("{")
    assert problems(tmp_path)[0].startswith("is no JSON")


def test_what_npm_says_of_a_failure() -> None:
    """A registry that is not there, and a package that is another one, are told apart; the line says the cause."""
    gone = "npm error code ENOTFOUND\nnpm error request to the registry failed"
    assert unreachable(gone)
    assert mismatched("npm error code EINTEGRITY")
    assert installation_failure("installing x failed", gone) == "installing x failed: error code ENOTFOUND"


def test_what_npm_sees_of_the_caller_s_environment() -> None:
    """Its own settings and certificates, those of the system too; nobody's secrets."""
    outer = {
        "npm_config_registry": "r",
        "NODE_EXTRA_CA_CERTS": "c",
        "NODE_OPTIONS": "--require x",
        "OPENAI_API_KEY": "k",
    }
    told = install_environment(outer)
    assert told.items() >= {"npm_config_registry": "r", "NODE_EXTRA_CA_CERTS": "c", "NODE_USE_SYSTEM_CA": "1"}.items()
    assert not told.keys() & {"NODE_OPTIONS", "OPENAI_API_KEY"}
