"""Lane environments: what is in them is what lock and wheels say, or the run is red."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.tiny import TinyProject
from support.wheelhouse import lock_of, make_wheel

PASSING = "def test_ok():\n    assert True\n"
MakeTiny = Callable[..., TinyProject]


@pytest.fixture
def own(make_tiny: MakeTiny) -> TinyProject:
    """A project whose environment is its own, and in which a run would be green."""
    return make_tiny(own=True).lanes().test(PASSING)


def site(project: TinyProject) -> Path:
    """Return where the lane's distributions lie."""
    return next((project.environments / "core" / "lib").glob("python3*")) / "site-packages"


def by_hand(project: TinyProject, *words: str) -> None:
    """Change the environment as a person would, with uv."""
    python = project.environments / "core" / "bin" / "python"
    command = [str(Path(sys.executable).with_name("uv")), "pip", words[0], "-q", "--python", str(python), *words[1:]]
    subprocess.run(command, env=project.environment(), check=True, capture_output=True)


def install(project: TinyProject) -> None:
    """Install a package that the lock does not name."""
    by_hand(project, "install", str(make_wheel("stowaway", "1.0", project.path)))


def uninstall(project: TinyProject) -> None:
    """Remove a package that the lock names."""
    by_hand(project, "uninstall", "pytest-timeout")


def edit(project: TinyProject) -> None:
    """Change a file of an installed package, in a copy, because files here are hard links."""
    target = site(project) / "iniconfig" / "__init__.py"
    content = target.read_text()
    target.unlink()
    target.write_text(content + "\n# edited\n")


def add_sitecustomize(project: TinyProject) -> None:
    """Add a module that every Python process of the lane would run first."""
    (site(project) / "sitecustomize.py").write_text("import os\n")


TAMPERED = {
    "other distributions": {
        install: "extra: stowaway 1.0 is not in the lock", uninstall: "missing: pytest-timeout is not installed",
    },
    "other files": {edit: "altered: lib/", add_sitecustomize: "sitecustomize.py"},
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_drift_is_red_once_and_rebuilt(own: TinyProject, name: str) -> None:
    """An environment changed by hand is rebuilt, its run is DRIFT red and says what it was; the next is green."""
    for tamper in TAMPERED[name]:
        tamper(own)
    ran = own.greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"DRIFT"}), ran.output
    assert [told for told in TAMPERED[name].values() if told not in ran.message("DRIFT")] == []
    again = own.greenlane("lane", "core")
    assert (again.code, again.codes) == (0, set()), again.output


def test_a_test_that_installs(own: TinyProject) -> None:
    """A package that turns up while the lane runs is DRIFT red, too."""
    own.test("""
        import pytest, pathlib
        def test_a():
            info = pathlib.Path(pytest.__file__).parents[1] / "stowaway-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Name: stowaway")
    """)
    ran = own.greenlane("lane", "core")
    assert ran.code == 1
    assert "during the run: extra: stowaway 1.0" in ran.message("DRIFT")


def test_a_new_lock_is_no_drift(own: TinyProject) -> None:
    """A lock that changed means a new environment, with the new package in it, and a green run."""
    extra = make_wheel("newcomer", "2.0", own.wheelhouse, "value = 41\n")
    own.write("locks/core.txt", own.lock + lock_of([extra]))
    ran = own.test("import newcomer\ndef test_a():\n    assert newcomer.value == 41\n").greenlane("lane", "core")
    assert ran.code == 0, ran.output
    assert "building environment core" in ran.output
    extra.unlink()


def test_an_interrupted_build_is_never_used(own: TinyProject) -> None:
    """An environment without its manifest, the last thing written, is built anew."""
    (own.environments / "core" / "greenlane-environment.json").unlink()
    (site(own) / "pytest" / "__init__.py").unlink()
    ran = own.greenlane("lane", "core")
    assert ran.code == 0, ran.output
    assert "building environment core" in ran.output


def test_a_wrong_hash_is_refused(make_tiny: MakeTiny) -> None:
    """A wheel that is not the locked one is never installed: red, with the installer's words."""
    project = make_tiny(own=True).lanes().test(PASSING)
    digest = project.lock.split("sha256:")[1][:64]
    project.write("locks/core.txt", project.lock.replace(digest, "0" * 64))
    ran = project.greenlane("lane", "core")
    assert ran.code == 1
    assert "DRIFT" in ran.codes
    assert "hash" in ran.output.lower()


def test_a_compromised_release_is_refused(make_tiny: MakeTiny) -> None:
    """A lock that names a release known to be malicious is a configuration error, before anything is installed."""
    project = make_tiny(own=True).lanes().test(PASSING)
    project.write("locks/core.txt", project.lock + "litellm==1.82.8 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    ran = project.greenlane("lane", "core")
    assert ran.code == 2
    assert "compromised release: litellm==1.82.8" in ran.output
    assert "building" not in ran.output


def test_the_projects_own_wheel(make_tiny: MakeTiny) -> None:
    """Tests import the built wheel, not the checkout, and an edit of the source is installed before the next run."""
    project = make_tiny(own=True).lanes()
    build = '[build-system]\nrequires = ["uv_build>=0.13,<0.14"]\nbuild-backend = "uv_build"\n'
    head = f'[project]\nname = "tinypkg"\nversion = "0.1"\n\n{build}\n'
    config = (project.path / "pyproject.toml").read_text()
    project.write("pyproject.toml", head + config).write("src/tinypkg/__init__.py", "value = 1\n")
    project.test(
        "import tinypkg\ndef test_a():\n    assert tinypkg.value == 1 and 'site-packages' in tinypkg.__file__\n"
    )
    ran = project.greenlane("lane", "core")
    assert ran.code == 0, ran.output
    project.write("src/tinypkg/__init__.py", "value = 2\n")
    ran = project.greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"FAILED"}), ran.output


def test_the_second_run_waits(own: TinyProject, tmp_path: Path) -> None:
    """Two runs in one environment do not meet: the second says for whom it waits, and both are green."""
    gate = tmp_path / "gate"
    own.write(
        "tests/test_it.py",
        f"""
        import pathlib, os
        def test_a():
            gate = pathlib.Path({str(gate)!r})
            if gate.exists():
                with open(gate) as pipe:
                    assert pipe.read() == "go"
    """,
    )
    subprocess.run(["mkfifo", str(gate)], check=True)
    first = own.start("lane", "core")
    assert first.stdout
    with gate.open("w") as pipe:  # opens when the first run's test reads
        second = own.start("lane", "core")
        assert second.stdout
        lines = [second.stdout.readline().decode() for _ in range(2)]
        assert any("waiting for run" in line and "which uses core" in line for line in lines), lines
        gate.unlink()
        pipe.write("go")
    outputs = [process.communicate(timeout=150)[0].decode() for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs


def test_another_harness_is_installed_though_the_tree_is_the_same(own: TinyProject) -> None:
    """An upgrade of the harness reaches the lane at once: plugin and judge are never of two versions."""
    manifest = own.environments / "core" / "greenlane-environment.json"
    content = json.loads(manifest.read_text())
    content["wheels"], content["tree"] = "of another harness", content["tree"][:64] + "0" * 64
    manifest.unlink()
    manifest.write_text(json.dumps(content))
    ran = own.greenlane("lane", "core")
    assert ran.code == 0, ran.output
    assert json.loads(manifest.read_text())["wheels"] != "of another harness"
