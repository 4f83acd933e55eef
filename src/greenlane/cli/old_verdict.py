"""What every command that decides does first: where it ends before it could decide, no older answer is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from greenlane.config.load import reporting


@contextmanager
def no_old_verdict(project: Path, lane: str = "") -> Iterator[None]:
    """Remove the reports of an earlier run when what is done here ends by an error: they would pass for its answer.

    Args:
        lane: as the caller named it, for a lane that is judged by itself; empty for a verdict of the project.
    """
    try:
        yield
    except BaseException as error:
        asked_for_help = isinstance(error, SystemExit) and not error.code
        # What is no name of a file is no lane's either, and has no reports.
        configuration = None if asked_for_help or Path(lane).name != lane else reporting(project)
        if configuration is not None:
            # Every report's writer: a session that only starts the command that decides needs none of them.
            from greenlane.report.write import remove_reports

            remove_reports(project, configuration, lane)
        raise
