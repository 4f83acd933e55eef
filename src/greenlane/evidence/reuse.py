"""What a lane's result depends on, as digests with names: the same names and digests mean the same result."""

from __future__ import annotations

import hashlib

import msgspec


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a hermetic lane could see.

    Attributes:
        parts: digest or plain value of each thing, by its name.
        files: digest of each file of the work tree, by its path.
    """

    parts: dict[str, str]
    files: dict[str, str]

    @property
    def key(self) -> str:
        """SHA-256 over all of it."""
        ordered = (sorted(self.parts.items()), sorted(self.files.items()))
        return hashlib.sha256(msgspec.json.encode(ordered)).hexdigest()


def differences(now: Seen, then: Seen) -> list[str]:
    """Return what differs between two runs, in words, the files last."""
    parts = [name for name in (*now.parts, *then.parts) if now.parts.get(name) != then.parts.get(name)]
    files = sorted(path for path in {*now.files, *then.files} if now.files.get(path) != then.files.get(path))
    return [*dict.fromkeys(parts), *files]
