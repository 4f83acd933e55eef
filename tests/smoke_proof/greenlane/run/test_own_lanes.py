"""The lanes of this very project: after a change in one house only that house's lane would run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from greenlane.config.load import load
from greenlane.environment.build import lock_digest
from greenlane.environment.installers import Uv, find_uv
from greenlane.environment.wheels import build, content_digest, keep_harness, package_state
from greenlane.evidence.artifacts import EVIDENCE, SEEN
from greenlane.evidence.reuse import Seen
from greenlane.run.inputs import inputs_of

ROOT = Path(__file__).parents[4]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "docs", "locks", "src", "tests")
LANES = {"core", "agent"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of this project."""
    root = tmp_path / "copy"
    root.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, root / name)
    return root


def keep_evidence(root: Path) -> None:
    """Leave what both lanes can see now as what their last green runs saw, as far as it is known before a run."""
    settings = load(root, {})
    for name in LANES:
        lane = settings.configuration.lanes[name]
        parts = {"lock": lock_digest(root / lane.lock), "harness": package_state(root)}
        files = inputs_of(settings, lane, root / ".artifacts" / name, root / ".artifacts" / name).files
        seen = Seen(parts=parts, files=files)
        state = root / EVIDENCE / name / seen.key
        state.mkdir(parents=True)
        (state / SEEN).write_bytes(msgspec.json.encode(seen))


def would_run(root: Path) -> set[str]:
    """Return the lanes of the main job that would run, as the doctor of the copy's own harness says."""
    command = [sys.executable, "-P", "-m", "greenlane", "doctor", "--project", str(root), "--patience", "0.1", "--json"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root / "src")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    facts = json.loads(done.stdout)["evidence"]
    assert {fact["name"] for fact in facts} == LANES
    return {fact["name"] for fact in facts if fact["runs"]}


@contextmanager
def changed(file: Path) -> Iterator[None]:
    """Change a file, or make it, and put it back."""
    before = file.read_bytes() if file.exists() else None
    file.write_bytes((before or b"") + b"\n")
    yield
    if before is None:
        file.unlink()
    else:
        file.write_bytes(before)


CHANGES = {
    "src/mini_agent/app.py": {"agent"},
    "src/mini_agent/new.py": {"agent"},
    "tests/smoke_core/mini_agent/test_houses.py": {"agent"},
    "tests/smoke_core/greenlane/test_houses.py": {"core"},
    "tests/support/evidence.py": LANES,
    # By the rule: no evidence outlives the harness that made it.
    "src/greenlane/report/page/page.css": LANES,
    "docs/reuse.md": set(),
    "tests/smoke_nd/conftest.py": set(),
}


def test_a_change_runs_the_lanes_that_can_see_it(copy: Path) -> None:
    """A change in a house runs its lane, in what both share both, in documentation none."""
    keep_evidence(copy)
    found = {}
    for path in CHANGES:
        with changed(copy / path):
            found[path] = would_run(copy)
    assert found == CHANGES
    assert would_run(copy) == set()


@pytest.fixture
def installer(tmp_path: Path) -> Uv:
    """Who builds the wheels."""
    uv = find_uv(os.environ)
    assert uv, "the lane has uv"
    return Uv(uv, {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_OFFLINE": "1"})


def test_the_gateway_is_installed_for_its_own_lane_alone(copy: Path, tmp_path: Path, installer: Uv) -> None:
    """The project's own wheel and that of the harness have one name: whichever comes last has what the lane needs."""
    has = {}
    for lane, (project, alone) in {"agent": (copy, False), "core": (None, True), "control": (None, False)}.items():
        (wheel,) = build(project, installer, tmp_path / lane, alone=alone)
        with zipfile.ZipFile(wheel) as archive:
            has[lane] = "mini_agent/cli.py" in archive.namelist()
            assert "greenlane/cli/main.py" in archive.namelist()
    assert has == {"agent": True, "core": False, "control": True}


def test_the_gateway_is_no_part_of_what_the_lane_of_the_harness_has_installed(
    copy: Path, tmp_path: Path, installer: Uv
) -> None:
    """Its change leaves the digest of the wheel, as it is built, that is in the lane's evidence."""

    def installed(name: str) -> str:
        (into := tmp_path / name).mkdir()
        installer.build_wheel(copy, into)
        (wheel,) = into.glob("*.whl")
        keep_harness(wheel)
        return content_digest([wheel])

    before = installed("before")
    with changed(copy / "src/mini_agent/app.py"), changed(copy / "README.md"):
        assert installed("gateway") == before
    with changed(copy / "src/greenlane/report/page/page.css"):
        assert installed("harness") != before
