"""What `greenlane init` adds to a repository."""

from __future__ import annotations

import msgspec


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """What is there already, as far as it matters.

    Attributes:
        files: text by path, of those files that exist among the ones we may add or add to.
        folders: the test folders that hold anything.
        distribution: name of the project that is built into a wheel; empty when there is none.
        above: top of the repository that the project is a folder of; empty when the project is the top.
        requirements: line of a lane that brings what the project's tests need; empty when nothing declares it.
    """

    files: dict[str, str]
    folders: tuple[str, ...] = ()
    distribution: str = ""
    above: str = ""
    requirements: str = ""


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is made, or that gets more lines at its end.

    Attributes:
        path: relative to the project.
        before: its text now; None when there is no such file.
        after: its text afterwards, which begins with `before`.
    """

    path: str
    before: str | None
    after: str


class Scaffold(msgspec.Struct, frozen=True, kw_only=True):
    """What is added, what is kept as it is, with the reason, by path, and what somebody must still do."""

    additions: tuple[Addition, ...]
    kept: dict[str, str]
    notes: tuple[str, ...] = ()
