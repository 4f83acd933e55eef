"""What tests of the harness share: one wheelhouse and one lane environment per worker."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.tiny import TinyProject
from support.warm import WarmCommands
from support.wheelhouse import build_wheelhouse


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of wheels, and the lock that pins them."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    return folder, build_wheelhouse(folder)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where lane environments lie that no test of the worker alters."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmCommands]:
    """Who starts the commands of the worker's tests."""
    with WarmCommands() as warm:
        yield warm


@pytest.fixture
def make_tiny(
    tmp_path: Path, wheelhouse: tuple[Path, str], environments: Path, warm: WarmCommands
) -> Callable[..., TinyProject]:
    """Make a tiny project; with `own`, one whose lane environments are its own to alter."""

    def make(name: str = "tiny", *, own: bool = False) -> TinyProject:
        path = tmp_path / name
        path.mkdir()
        house, lock = wheelhouse
        tiny = TinyProject(path=path, lock=lock, wheelhouse=house, environments=environments, warm=warm)
        if own:
            tiny.lanes().test("def test_ok(): pass\n").greenlane("lane", "core")
            tiny.environments = tmp_path / f"{name}-environments"
            # Links are copied in no time; whoever changes a file here must replace it.
            shutil.copytree(environments / "core", tiny.environments / "core", symlinks=True, copy_function=os.link)
        return tiny

    return make


@pytest.fixture
def tiny(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A tiny project with one deterministic lane, `core`."""
    return make_tiny().lanes()
