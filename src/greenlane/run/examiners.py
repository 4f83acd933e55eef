"""The examiners that extensions add to those of the judge."""

from __future__ import annotations

from greenlane.errors import ExtensionError
from greenlane.evidence.evidence import LaneEvidence, Requirements
from greenlane.evidence.violation import Violation
from greenlane.judge.examiners import Examiner, objection, shielded
from greenlane.util.extensions import EXAMINERS, Extension, extensions, load


def added_examiners() -> tuple[Examiner, ...]:
    """Return every examiner that is an extension; one that cannot be loaded objects by its name."""
    return tuple(_examiner(extension) for extension in extensions(EXAMINERS))


def _examiner(extension: Extension) -> Examiner:
    """Return one examiner."""
    try:
        return shielded(extension.label, load(extension))
    except ExtensionError as error:
        found = objection(error.message)

    def object_to(_evidence: LaneEvidence, _requirements: Requirements) -> tuple[Violation, ...]:
        return (found,)

    return object_to
