"""Files that a project starts with; the templates lie beside this module."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from greenlane.adopt.lanes_text import Adoption, lane_tables
from greenlane.adopt.rules import CONFIGURATION, IGNORE, NOXFILE, requirements_line
from greenlane.adopt.values import Repository, Scaffold
from greenlane.config.schema import Configuration
from greenlane.errors import ConfigError
from greenlane.util.files import write_atomically

WORKFLOW = ".github/workflows/readiness.yml"
SMOKES = {
    "tests/smoke_core/test_core_smoke.py": "test_core_smoke.py.txt",
    "tests/smoke_nd/test_nd_smoke.py": "test_nd_smoke.py.txt",
    "tests/smoke_release/conftest.py": "conftest.py.txt",
    "tests/smoke_release/test_release_smoke.py": "test_release_smoke.py.txt",
}
"""The smoke tests of a new project, and their templates."""

NOX = "pipx run nox -s"
"""How a hosted runner, which has pipx, starts nox; the noxfile's metadata brings the harness."""

PROJECT_TEST = '''

def test_the_project_is_installed() -> None:
    """The lane's environment holds the wheel that was built from this work tree."""
    assert version("{distribution}")
'''


def workflow(configuration: Configuration, nox: str, python: str) -> str:
    """Return the workflow of a project, for GitHub Actions.

    Args:
        configuration: its release lanes say which secrets the live job gets.
        nox: the words before the names of nox sessions, as `pipx run nox -s`.
        python: version that decides, as `3.11`.

    Raises:
        ConfigError: the words hold what an expression of GitHub, YAML or the shell would read as its own.
    """
    if not re.fullmatch(r"[\w ./:=@+~,\[\]-]+", nox):
        raise ConfigError(
            f"--nox: {nox!r} holds quotes, or what a shell would read as its own", "name words, as in `pipx run nox -s`"
        )
    providers = [name for lane in configuration.lanes.values() for name in lane.providers]
    secrets = dict.fromkeys(secret for name in providers for secret in configuration.providers[name].secrets)
    lines = [f"          {secret}: ${{{{ secrets.{secret} }}}}" for secret in secrets]
    text = template("readiness.yml").replace("@NOX@", nox).replace("@PYTHON@", python)
    return text.replace("@SECRETS@\n", "".join(f"{line}\n" for line in lines))


def template(name: str) -> str:
    """Return a template by its file name."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def suite_files(adoption: Adoption) -> dict[str, str]:
    """Return the text of every file but the workflow, by path, for a project that has tests: it gets none of ours."""
    return {CONFIGURATION: lane_tables(adoption), NOXFILE: template("noxfile.py.txt")}


def project_files(repository: Repository) -> dict[str, str]:
    """Return the text of every file but the workflow, by path, for a project without tests."""
    distribution = repository.distribution
    configuration = template("pyproject.toml.txt").replace("@REQUIREMENTS@\n", repository.requirements)
    files = {CONFIGURATION: configuration, NOXFILE: template("noxfile.py.txt")}
    files |= {path: template(name) for path, name in SMOKES.items()}
    core = next(iter(SMOKES))
    imports = "from importlib.metadata import version\n" if distribution else ""
    test = PROJECT_TEST.format(distribution=distribution) if distribution else ""
    files[core] = files[core].replace("@IMPORTS@\n", f"{imports}\n").replace("@PROJECT@\n", test)
    return files


def read_repository(project: Path) -> Repository:
    """Return what a folder holds of the files that we may add.

    Raises:
        ConfigError: it is no folder, or a file of it cannot be read or is no TOML.
    """
    if not project.is_dir():
        raise ConfigError(f"{project} is no folder", "name the repository with --project")
    paths = (CONFIGURATION, NOXFILE, IGNORE, WORKFLOW, *SMOKES)
    files = {path: _read(project, path) for path in paths if (project / path).exists()}
    try:
        content = tomllib.loads(files.get(CONFIGURATION, ""))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{CONFIGURATION}: {error}", "correct it; nothing was changed") from error
    folders = {str(Path(path).parent) for path in SMOKES}
    return Repository(
        files=files,
        folders=tuple(name for name in sorted(folders) if any((project / name).glob("**/*.py"))),
        requirements=requirements_line(content),
        distribution=str(content.get("project", {}).get("name", "")),
        above=_above(project.resolve()),
    )


def _read(project: Path, path: str) -> str:
    """Return the text of a file with its line ends as they are."""
    try:
        return (project / path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}", "correct it; nothing was changed") from error


def _above(project: Path) -> str:
    """Return the top of the repository that holds a project; empty when that is the project itself, or nothing is."""
    if (project / ".git").exists():
        return ""
    return next((str(folder) for folder in project.parents if (folder / ".git").exists()), "")


def write_scaffold(project: Path, made: Scaffold) -> None:
    """Write every addition; a file that was changed since it was read is left alone.

    Raises:
        ConfigError: a file is no longer what the diff showed.
    """
    for addition in made.additions:
        # A link stays a link: what it points at is extended.
        path = (project / addition.path).resolve()
        now = _read(project, addition.path) if path.exists() else None
        if now != addition.before:
            raise ConfigError(f"{addition.path} was changed meanwhile", "run `greenlane init` again")
        write_atomically(path, addition.after)
