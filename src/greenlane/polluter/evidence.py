"""What the evidence of earlier runs tells of a test that fails only in company."""

from __future__ import annotations

from pathlib import Path

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.artifacts import RECORD
from greenlane.evidence.reader import collect
from greenlane.evidence.search import Conclusion, Findings
from greenlane.polluter.suspects import Traces, text_of, traces
from greenlane.run.tree import tree_of
from greenlane.sharding.assignment import file_of


def lane_of(settings: Settings, victim: str, requested: str) -> Lane:
    """Return the lane that a test belongs to.

    Args:
        victim: node id; requested: name of the lane, empty to find it.

    Raises:
        ConfigError: the lane is unknown, or no lane or several have the test's file.
    """
    if requested:
        return settings.lane(requested)
    path = Path(file_of(victim))
    lanes = [
        lane for lane in settings.configuration.lanes.values()
        if any(Path(file_of(test)) in (path, *path.parents) for test in lane.tests)
    ]  # fmt: skip
    if len(lanes) == 1 and (settings.root / path).exists():
        return lanes[0]
    known = ", ".join(f"{lane.name} ({' '.join(lane.tests)})" for lane in settings.configuration.lanes.values())
    if not (settings.root / path).exists():
        raise ConfigError(f"{path} does not exist in {settings.project}", "name a test as pytest does: file::test")
    what = "several lanes have" if lanes else "no lane has"
    raise ConfigError(f"{what} the file {path}; lanes: {known}", "name one with --lane")


def evidence(settings: Settings, lane: Lane, victim: str) -> Traces:
    """Return what the newest run of a lane on this very tree tells about a test; nothing without such a run."""
    folder = settings.root / settings.configuration.artifacts / lane.name
    tree = ""
    found = Traces()
    for path in sorted(folder.rglob(RECORD)):
        item = collect(path.parent)
        tree = tree or tree_of(settings)
        if item.damage or item.record.tree != tree or victim not in item.journal.collected:
            continue
        known = traces(item.journal, victim, text_of(_text(settings.root / file_of(victim)), victim))
        if known.leaks or known.before or known.helping:
            found = known
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def by_evidence(known: Traces, victim: str) -> Findings | None:
    """Return the answer that needs no further run; None when the evidence names nobody."""
    if not known.named:
        return None
    leaks = tuple(leak for leak in known.leaks if leak.nodeid == known.named)
    return Findings(conclusion=Conclusion.POLLUTED, victim=victim, tests=(known.named,), leaks=leaks)
