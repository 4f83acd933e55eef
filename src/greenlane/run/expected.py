"""What the files of a lane are expected to take, by what earlier runs took."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.journal_reader import UNREADABLE
from greenlane.history.ledger import read_ledger
from greenlane.run.census import present_files, take_census
from greenlane.run.claims import claims_of
from greenlane.sharding.assignment import file_of, pins_in
from greenlane.sharding.plan import DURATIONS_SCHEMA, Durations
from greenlane.sharding.plans import Work, expected_work


def expected(settings: Settings, lane: Lane) -> Work:
    """Return what the present files of a lane are expected to take."""
    claims = claims_of(settings, read_ledger(settings), lane)
    census = Counter(file_of(definition.nodeid) for definition in take_census(settings.root, lane.tests, claims))
    defined = {name: census[name] for name in present_files(settings.root, lane.tests, claims)}
    pins: dict[str, str] = {}
    for name in defined:
        pins |= {place: shard for place, shard in _pins(settings.root / name, name).items() if shard in lane.shards}
    return expected_work(read_durations(settings).get(lane.name, {}), defined, pins)


def _pins(path: Path, name: str) -> dict[str, str]:
    try:
        return pins_in(name, path.read_bytes())
    except OSError:
        return {}


def read_durations(settings: Settings) -> dict[str, dict[str, float]]:
    """Return recorded seconds by lane and node id; nothing where there is no file, or one of another version.

    Raises:
        ConfigError: the file is damaged, which is more than having no history.
    """
    path = settings.root / settings.configuration.history.durations
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    try:
        recorded = msgspec.json.decode(content, type=Durations)
    except UNREADABLE as error:
        raise ConfigError(f"{path} is no file of durations: {error}", "remove it, or export it again") from error
    return recorded.lanes if recorded.schema == DURATIONS_SCHEMA else {}
