"""Green evidence that is kept for later runs, by what its lane could see."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.environment.build import lock_digest
from greenlane.errors import ConfigError
from greenlane.evidence.artifacts import EVIDENCE, SEEN, VOUCHED
from greenlane.evidence.evidence import LaneEvidence, Vouched
from greenlane.evidence.reader import collect
from greenlane.evidence.reuse import Seen, differences
from greenlane.evidence.verdict import Verdict
from greenlane.judge.sound import worth_keeping
from greenlane.run.inputs import inputs_of
from greenlane.run.job import LaneJob
from greenlane.util.files import write_atomically

KEPT = 8
"""States of a check whose evidence is kept: going back to a branch costs nothing."""

NAMED = 3
"""Differences that are named where there are more."""


def take(job: LaneJob, seen: Seen, tree: str) -> tuple[LaneEvidence | None, str]:
    """Return evidence of an earlier run that is still true, put in the place of a new one's, or why there is none.

    Args:
        seen: what the lane can see; tree: state of the work tree before that was looked at.
    """
    folder = _folder(job.settings.root, job.label) / seen.key
    if not folder.is_dir():
        return None, _news(_kept(job.settings.root, job.label), [seen])
    evidence = _whole(folder, seen)
    if evidence is None:
        shutil.rmtree(folder, ignore_errors=True)
        return None, "the evidence that was kept is damaged"
    shutil.rmtree(job.artifacts, ignore_errors=True)
    shutil.copytree(folder, job.artifacts, symlinks=True)
    folder.touch()
    vouched = Vouched(seen=seen.key, tree=tree)
    write_atomically(job.artifacts / VOUCHED, msgspec.json.encode(vouched))
    # What is judged is what was found whole: the copy is for whoever reads it later, and is looked at then.
    return msgspec.structs.replace(evidence, source=str(job.artifacts), vouched=vouched), ""


def _whole(folder: Path, seen: Seen) -> LaneEvidence | None:
    """Return evidence that is as it was when it was kept, and of what it is kept for; None for any other."""
    try:
        evidence = collect(folder)
    except ConfigError:
        return None
    whole = evidence.record.seen == seen.key and not (evidence.damage or evidence.record.result.failure)
    return evidence if whole else None


def outlook(settings: Settings, lane: Lane, check: str, artifacts: Path, harness: str) -> str:
    """Return why a check would be run, as far as files, lock and harness tell it before its environment is there.

    Args:
        check: the lane or shard; artifacts: the folder of its artifacts; harness: state of the harness.

    Returns:
        The reason; empty where its evidence can be used again, if nothing else that it can see has changed.
    """
    inputs = inputs_of(settings, lane, artifacts, artifacts)
    if inputs.leads_out:
        return inputs.leads_out
    try:
        lock = lock_digest(settings.root / lane.lock)
    except ConfigError as error:
        return error.message
    kept = _kept(settings.root, check)
    seen = [Seen(parts={**then.parts, "lock": lock, "harness": harness}, files=inputs.files) for then in kept]
    return "" if any(now.key == then.key for now, then in zip(seen, kept, strict=True)) else _news(kept, seen)


def _kept(root: Path, check: str) -> list[Seen]:
    """Return what the runs saw whose evidence is kept, the one that was used last first."""
    found = []
    for state in _by_age(_folder(root, check)):
        with suppress(OSError, msgspec.DecodeError):
            found.append(msgspec.json.decode((state / SEEN).read_bytes(), type=Seen))
    return found


def _news(kept: Sequence[Seen], now: Sequence[Seen]) -> str:
    """Return what differs from the last run whose evidence was kept."""
    if not kept:
        return "no earlier run of it was kept"
    changed = differences(now[0], kept[0])
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return f"changed since the last green run: {', '.join(changed[:NAMED])}{more}"


def keep(context: Context, evidence: Sequence[LaneEvidence], verdict: Verdict) -> None:
    """Keep green evidence for later runs, the newest states of each check. It never fails a run.

    Args:
        context: of the run; evidence: of this run, as it lies in the folders of artifacts.
    """
    try:
        _keep(context.settings.root, [item for item in evidence if worth_keeping(item, verdict)])
    except OSError as error:
        context.say(f"WARNING: evidence of this run is not kept for later ones: {error}")


def _keep(root: Path, evidence: Sequence[LaneEvidence]) -> None:
    """Keep evidence."""
    for item in evidence:
        folder = _folder(root, item.record.check)
        target = folder / item.record.seen
        shutil.rmtree(target, ignore_errors=True)
        # A copy that was interrupted has another name, and is never taken for evidence.
        unfinished = folder / f".{item.record.run_id}"
        shutil.copytree(item.source, unfinished, symlinks=True)
        unfinished.rename(target)
        target.touch()
        for old in _by_age(folder)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


def _folder(root: Path, check: str) -> Path:
    """Return where evidence of a check is kept."""
    return root / EVIDENCE / check.replace("/", "-")


def _by_age(folder: Path) -> list[Path]:
    """Return the states that are kept, the one that was used last first."""
    states = [path for path in folder.glob("*") if path.is_dir() and not path.name.startswith(".")]
    return sorted(states, key=lambda path: path.stat().st_mtime, reverse=True)
