"""The state of the project's work tree, without what runs themselves write into it."""

from __future__ import annotations

from greenlane.config.load import Settings
from greenlane.evidence.artifacts import EVIDENCE
from greenlane.util.work_tree import state_of, tree_files


def tree_of(settings: Settings) -> str:
    """Return the state of the project's work tree; runs that write their reports into it do not change it."""
    return state_of(files_of(settings))


def files_of(settings: Settings) -> dict[str, bytes]:
    """Return the digests of the files of the project's work tree that make its state, by path."""
    return tree_files(settings.root, written_by_us(settings))


def written_by_us(settings: Settings) -> tuple[str, ...]:
    """Return the paths that runs write into the work tree; they do not change its state."""
    configuration = settings.configuration
    report = configuration.report
    history = configuration.history
    paths = (
        configuration.artifacts, configuration.environments, report.markdown, report.json, report.html or "",
        report.ctrf or "", configuration.stub, history.durations, history.path,
        *(f"{history.path}{end}" for end in ("-wal", "-shm", ".migrating")), history.lock, history.spool, EVIDENCE,
    )  # fmt: skip
    inside = [(settings.root / path).resolve() for path in paths if path]
    return tuple(str(p.relative_to(settings.root)) for p in inside if p.is_relative_to(settings.root))
