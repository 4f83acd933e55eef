"""What the sections `history` and `quarantine` must keep to beyond their types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from greenlane.config.schema import History, Quarantine

INGESTS = ("detached", "later")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@|[?&]password=")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


def remembered(history: History) -> Iterable[str]:
    """Yield what is wrong with the section `history`."""
    yield from _file("history.path", history.path, ".sqlite")
    yield from _file("history.durations", history.durations, ".json")
    if history.ingest not in INGESTS:
        yield f"history.ingest: {history.ingest!r} is not one of {', '.join(INGESTS)}"
    variable = history.url.removeprefix("env:")
    if variable != history.url and not _VARIABLE.fullmatch(variable):
        yield f"history.url: {variable!r} is not the name of a variable"
    elif _PASSWORD.search(history.url):
        yield "history.url: it holds a password; put the address into a variable and write env:NAME"
    elif variable == history.url and history.url and "://" not in history.url:
        yield f"history.url: {history.url!r} is neither env:NAME nor an address such as postgresql://host/database"


def quarantined(quarantine: Quarantine) -> Iterable[str]:
    """Yield what is wrong with the section `quarantine`."""
    yield from _file("quarantine.ledger", quarantine.ledger, ".toml")
    yield from _below("quarantine.drafts", quarantine.drafts)
    for key in ("flakes", "days", "expires", "over_days"):
        if not 1 <= getattr(quarantine, key) <= 3650:
            yield f"quarantine.{key}: {getattr(quarantine, key)} is not between 1 and 3650"
    if not 0 < quarantine.rate < 1:
        yield f"quarantine.rate: {quarantine.rate:g} is not between 0 and 1"
    if quarantine.repository and not _REPOSITORY.fullmatch(quarantine.repository):
        yield f"quarantine.repository: {quarantine.repository!r} is not owner/name"
    if not quarantine.api.startswith(("https://", "http://")):
        yield f"quarantine.api: {quarantine.api!r} is not an address of http or https"
    if not _VARIABLE.fullmatch(quarantine.token):
        yield f"quarantine.token: {quarantine.token!r} is not the name of a variable"


def _file(path: str, value: str, suffix: str) -> Iterable[str]:
    """Yield a problem when a file that must be there would lie anywhere else than below the project."""
    if not value:
        yield f"{path}: a {suffix} file below the project is needed"
    elif not value.endswith(suffix) or ".." in PurePosixPath(value).parts or value.startswith(("/", "\\")):
        yield f"{path}: {value!r} is not a {suffix} file below the project"


def _below(path: str, value: str) -> Iterable[str]:
    """Yield a problem when a folder would be the project itself, or lie outside of it."""
    if not PurePosixPath(value).parts or ".." in PurePosixPath(value).parts or value.startswith(("/", "\\")):
        yield f"{path}: {value!r} is not a folder of its own below the project"
