"""What a project's files say of its suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from greenlane.adopt.lanes_text import Adoption
from greenlane.adopt.requirements import choose, said
from greenlane.adopt.tox import Installed
from greenlane.config.project import read_project
from greenlane.config.pytest_settings import read_pytest
from greenlane.run.suite import suite_of


def read_suite(root: Path, asked: Installed, python: str) -> Adoption | None:
    """Return what a project's files say of its suite; None where it has no tests.

    Raises:
        ConfigError: the caller asks for a group, extra or file that is not there.
        tomllib.TOMLDecodeError: a file of TOML is none.
    """
    settings = read_pytest(root)
    suite = suite_of(root, settings)
    if not suite:
        return None
    where = settings.source if settings.testpaths else "found by the names of files"
    needs = choose(root, read_project(root), asked)
    return Adoption(suite=suite, where=where, needs=needs, python=python, addopts_marks=settings.marks)


def said_of(adoption: Adoption, root: Path) -> Iterator[str]:
    """Yield what was chosen and from where, one line each."""
    settings = read_pytest(root)
    yield f"suite: {', '.join(adoption.suite)} ({adoption.where})"
    if settings.addopts or settings.further:
        options = " ".join(settings.addopts)
        yield f"pytest: {'; '.join(filter(None, (options, *settings.further)))} ({settings.source})"
    needs = adoption.needs
    if needs.anything:
        yield f"requirements: {said(needs)} ({needs.source})"
    else:
        yield "requirements: the project's own; nothing says what its tests need (--group, --extra, --requirements)"
