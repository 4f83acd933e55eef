"""What every command that decides does with its verdict: remembered, the same reports and words, one exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from greenlane.config.context import Context
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.progress import ProgressListener
from greenlane.evidence.verdict import Verdict
from greenlane.history.recording import remember
from greenlane.report.github import github
from greenlane.report.progress import screen
from greenlane.report.terminal import show
from greenlane.report.write import remove_reports, write_reports

Decide = Callable[[ProgressListener], tuple[Verdict, Sequence[LaneEvidence]]]


def decide_and_tell(context: Context, decide: Decide, lane: str = "") -> int:
    """Decide, remember the run, write the reports, show the verdict, and return its exit code.

    Args:
        decide: returns the verdict and what it rests on; it is given somebody who watches.
        lane: name of the lane that is judged by itself; empty for a verdict of the project.
    """
    settings, environ = context.settings, context.environ
    configuration = settings.configuration
    remove_reports(settings.root, configuration, lane)
    actions = github(configuration.report, environ, settings.root)
    with actions.suppress_commands() if actions else nullcontext():
        with screen(environ) as listener:
            verdict, evidence = decide(listener)
        remember(context, evidence)
        written = write_reports(verdict, settings.root, configuration, evidence)
        print("reports: " + ", ".join(str(path.relative_to(settings.root)) for path in written), flush=True)
        show(verdict, environ, evidence)
    if actions:
        actions.tell(verdict, evidence)
    return verdict.exit_code
