"""What the doctor sees of evidence that may still be true: why a deterministic lane would run."""

from __future__ import annotations

from pathlib import Path

from greenlane.doctor.values import Scene, Section
from greenlane.judge.requirements import checks_of
from greenlane.run.kept import outlook
from greenlane.run.request import lane_as_asked


def kept(scene: Scene) -> Section:
    """Return, for each deterministic check of the policy, whether it would be run, and why."""
    settings, facts = scene.context.settings, []
    for name in scene.request.lanes:
        lane = lane_as_asked(settings, scene.request, name)
        if not lane.deterministic:
            continue
        for check in checks_of(lane):
            artifacts = settings.root / settings.configuration.artifacts / Path(check)
            why = (
                outlook(settings, lane, check, artifacts) if scene.request.reuse else "the policy asks for a fresh run"
            )
            facts.append({"name": check, "runs": bool(why), "why": why})
    runs = [fact for fact in facts if fact["runs"]]
    still = [fact for fact in facts if not fact["runs"]]
    parts = [f"{fact['name']} would run: {fact['why']}" for fact in runs[:1]]
    parts += [f"{len(runs) - 1} more would run"] if len(runs) > 1 else []
    parts += [f"{', '.join(str(fact['name']) for fact in still)} may be used again"] if still else []
    return Section(name="evidence", summary="; ".join(parts), facts=facts)
