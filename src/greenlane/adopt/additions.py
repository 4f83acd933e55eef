"""What a repository gets: files that it lacks, made for its suite, and where nox finds greenlane."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.adopt.harness import USUAL, harness_requirement, index_has_harness, is_elsewhere, with_harness
from greenlane.adopt.lanes_text import Adoption
from greenlane.adopt.rules import CONFIGURATION, NOXFILE, has_lanes, scaffold
from greenlane.adopt.scaffold import WORKFLOW, project_files, suite_files, workflow
from greenlane.adopt.values import Repository, Scaffold
from greenlane.config.context import Say
from greenlane.config.lanes import Lane, LaneKind, Provider
from greenlane.config.load import load
from greenlane.config.schema import Configuration
from greenlane.environment.locks import lowest_python
from greenlane.errors import ConfigError
from greenlane.version import VERSION


class Harness(msgspec.Struct, frozen=True, kw_only=True):
    """Where nox gets greenlane, and how the workflow starts nox.

    Attributes:
        words: path of a wheel or folder, or a requirement; empty for the index.
        asks_index: whether the index may be asked; nox: words that start it.
    """

    words: str
    asks_index: bool
    nox: str


def additions(
    project: Path,
    repository: Repository,
    suite: Adoption | None,
    environ: Mapping[str, str],
    harness: Harness,
    say: Say,
) -> Scaffold:
    """Return what is missing.

    Args:
        project: the folder; repository: what is there; suite: what its tests are, None where it has none.
        environ: the caller's environment; harness: where it comes from; say: prints a line to the user.

    Raises:
        ConfigError: the project's `pyproject.toml` can have no tables at its end.
    """
    configuration = _configuration(project, repository.files, suite, environ)
    templates = suite_files(suite) if suite else project_files(repository)
    templates[NOXFILE] = with_harness(templates[NOXFILE], _requirement(project, environ, harness, say))
    templates[WORKFLOW] = workflow(configuration, harness.nox, lowest_python(project))
    try:
        return scaffold(repository, templates, WORKFLOW)
    except tomllib.TOMLDecodeError as error:
        step = "write its `tool` as [tool.…] tables; nothing was changed"
        raise ConfigError(f"{CONFIGURATION} would be no TOML with lanes at its end: {error}", step) from error


def _requirement(project: Path, environ: Mapping[str, str], harness: Harness, say: Say) -> str:
    """Return the requirement by which nox installs greenlane; empty where the index has none, which is told.

    Raises:
        ConfigError: what the caller names is not there.
    """
    if harness.words:
        requirement = harness_requirement(project, harness.words)
        if is_elsewhere(requirement):
            say(f"NOTE: {requirement}: other machines do not have it; put it into the repository")
        return requirement
    if not harness.asks_index or index_has_harness(project, environ):
        return USUAL
    say(
        f"NOTE: the package index has no greenlane {VERSION}: nox finds it only where it is installed beside nox;"
        " --harness names a wheel or a folder that the repository brings"
    )
    return ""


def _configuration(
    project: Path, files: Mapping[str, str], suite: Adoption | None, environ: Mapping[str, str]
) -> Configuration:
    """Return the configuration that the workflow is made for: the project's own, or the one that is added."""
    if has_lanes(files.get(CONFIGURATION, "")):
        return load(project, environ).configuration
    if suite is not None:
        return Configuration()
    return Configuration(
        lanes={"release": Lane(kind=LaneKind.RELEASE, tests=(), providers=("openai",))},
        providers={"openai": Provider(secrets=("OPENAI_API_KEY",))},
    )
