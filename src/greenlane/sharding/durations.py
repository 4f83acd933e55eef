"""What tests take, as shards use it: a file that history writes and that whoever plans shards reads."""

from __future__ import annotations

import msgspec

DURATIONS_SCHEMA = 1
"""Version of the file; one of another version is as good as none."""


class Durations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Typical seconds of each test, by lane and node id; `history.durations` names the file, which is JSON.

    Attributes:
        schema: version of the file.
        lanes: by lane, seconds by node id: set-up, body and tear-down together.
    """

    schema: int = DURATIONS_SCHEMA
    lanes: dict[str, dict[str, float]] = {}
