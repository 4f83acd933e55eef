"""What a repository lacks to be used with lanes: files are added or extended at their end, never changed otherwise."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from greenlane.adopt.values import Addition, Repository, Scaffold

CONFIGURATION = "pyproject.toml"
NOXFILE = "noxfile.py"
IGNORE = ".gitignore"
IGNORED = ("__pycache__/", ".artifacts/", ".greenlane/", ".nox/", "PROJECT_READY.md")
"""What lanes and reports leave behind."""


TESTING = ("test", "tests", "testing", "dev")
"""Names under which projects keep what their tests need; the first that is there is taken."""


def requirements_line(content: Mapping[str, Any]) -> str:
    """Return the line of a lane that brings what the project's own conftest files and pytest options need.

    Args:
        content: `pyproject.toml`, read.
    """
    for key, declared in (
        ("groups", content.get("dependency-groups", {})),
        ("extras", content.get("project", {}).get("optional-dependencies", {})),
    ):
        found = next((name for name in TESTING if name in declared), "")
        if found:
            return f'{key} = ["{found}"]\n'
    return ""


def has_lanes(text: str) -> bool:
    """Return whether a `pyproject.toml` configures lanes.

    Raises:
        tomllib.TOMLDecodeError: the text is no TOML.
    """
    return "greenlane" in tomllib.loads(text).get("tool", {})


def scaffold(repository: Repository, templates: Mapping[str, str], workflow: str) -> Scaffold:
    """Return what is missing.

    Args:
        repository: what is there.
        templates: text by path; `pyproject.toml`, `noxfile.py` and the smoke tests.
        workflow: path of the workflow among the templates.

    Raises:
        tomllib.TOMLDecodeError: the repository's `pyproject.toml` is no TOML, or would be none with more tables.
    """
    additions: list[Addition] = []
    kept: dict[str, str] = {}
    for path, text in templates.items():
        there = repository.files.get(path)
        reason = _kept(path, there, repository, workflow)
        if reason:
            kept[path] = reason
        else:
            after = text if there is None else _extended(there, _without_header(text))
            additions.append(Addition(path=path, before=there, after=after))
    additions += _ignored(repository.files.get(IGNORE))
    written = {addition.path: addition.after for addition in additions}
    tomllib.loads(written.get(CONFIGURATION, ""))
    return Scaffold(additions=tuple(additions), kept=kept, notes=tuple(_notes(repository, written, workflow)))


def _extended(there: str, text: str) -> str:
    """Return a file with more at its end: not a byte of it is changed, and its line ends are kept."""
    end = "\r\n" if "\r\n" in there else "\n"
    gap = end if there.endswith("\n") or not there else end * 2
    return there + (gap + text.replace("\n", end) if there.strip() else text)


def _notes(repository: Repository, written: Mapping[str, str], workflow: str) -> Iterator[str]:
    """Yield what the additions alone do not make work."""
    if workflow in written and repository.above:
        yield f"GitHub reads workflows at the top of the repository only: move {workflow} to {repository.above}"
    noxfile = written.get(NOXFILE, repository.files.get(NOXFILE, ""))
    if "pipx run nox" in written.get(workflow, "") and "# /// script" not in noxfile:
        yield f"{NOXFILE} has no `# /// script` that brings greenlane, which {workflow} needs; or choose --nox"


def _kept(path: str, there: str | None, repository: Repository, workflow: str) -> str:
    """Return why a file stays as it is; empty when it is added or extended."""
    if path == CONFIGURATION:
        return "it configures lanes already" if there is not None and has_lanes(there) else ""
    if path == NOXFILE:
        return "it registers lanes already" if there is not None and "register_lanes" in there else ""
    folder = next((folder for folder in repository.folders if path.startswith(f"{folder}/")), "")
    if folder:
        return f"{folder} holds tests already"
    if there is not None:
        return "a workflow of that name is there already" if path == workflow else "it is there already"
    return ""


def _without_header(text: str) -> str:
    """Return the text that is added to a file: without the docstring and the metadata of a new one."""
    return re.sub(r'\A""".*?"""\n+|^# /// script\n(?:#.*\n)*?# ///\n+', "", text, flags=re.DOTALL | re.MULTILINE)


def _ignored(there: str | None) -> list[Addition]:
    """Return the lines that `.gitignore` lacks."""
    lines = {line.strip().strip("/") for line in (there or "").splitlines()}
    missing = [entry for entry in IGNORED if entry.strip("/") not in lines]
    if not missing:
        return []
    end = "\r\n" if there and "\r\n" in there else "\n"
    before = there + end if there and not there.endswith("\n") else there or ""
    return [Addition(path=IGNORE, before=there, after=before + "".join(f"{entry}{end}" for entry in missing))]
