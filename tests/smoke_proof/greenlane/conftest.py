"""What tests of the harness share: one wheelhouse and one lane environment per worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.tiny import TinyProject, copy_environment
from support.warm import WarmCommands
from support.wheelhouse import build_wheelhouse


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of wheels, and the lock that pins them."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    return folder, build_wheelhouse(folder)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory, wheelhouse: tuple[Path, str]) -> Path:
    """Where the environments of lanes `core` and `nd` lie, which no test of the worker alters."""
    folder = tmp_path_factory.mktemp("environments")
    house, lock = wheelhouse
    first = TinyProject(path=tmp_path_factory.mktemp("first"), lock=lock, wheelhouse=house, environments=folder)
    ran = first.lanes().test("def test_ok(): pass\n").greenlane("lane", "core")
    assert ran.code == 0, ran.output
    # A lock makes the same environment whatever its lane is called.
    copy_environment(folder / "core", folder / "nd")
    return folder


@pytest.fixture(scope="session")
def warm(environments: Path) -> Iterator[WarmCommands]:
    """Who starts the commands of the worker's tests."""
    with WarmCommands(environments) as warm:
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
            tiny.environments = tmp_path / f"{name}-environments"
            copy_environment(environments / "core", tiny.environments / "core")
        return tiny

    return make


@pytest.fixture
def tiny(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A tiny project with one deterministic lane, `core`."""
    return make_tiny().lanes()
