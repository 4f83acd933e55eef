"""Keeps the evidence of one lane run out of the lane's own hands, and says where the lane laid hands on it."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import msgspec

from greenlane.evidence.artifacts import CONTRACT, JOURNAL, JUNIT, OUTPUT, RECORD, VOUCHED
from greenlane.evidence.contract import Contract
from greenlane.evidence.journal_reader import journal_bytes
from greenlane.evidence.seals import KEY_BYTES, broken_seals

WRITTEN_BY_THE_LANE = (JOURNAL, JUNIT, CONTRACT, OUTPUT)


class TamperCheck:
    """The evidence of one run, from before the lane begins to after its last process has ended.

    Args:
        folder: of the artifacts, new and empty.
        scratch: private folder of this run, on no path that the lane is told.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder
        self._key = secrets.token_bytes(KEY_BYTES)
        self._key_file = scratch / "journal.key"
        self._written: Contract | None = None
        with os.fdopen(os.open(self._key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self._key)

    def write_contract(self, contract: Contract) -> Path:
        """Write the contract of the lane, with the place of the journal's key, and return its path."""
        self._written = msgspec.structs.replace(contract, key=str(self._key_file))
        path = self._folder / CONTRACT
        path.write_bytes(msgspec.json.encode(self._written))
        return path

    def damage(self, hermetic: str) -> tuple[str, ...]:
        """Return what the lane did to its evidence, and clear the place for what control writes.

        Args:
            hermetic: level that the supervisor added to the contract.
        """
        found = []
        if self._folder.is_symlink() or not self._folder.is_dir():
            _remove(self._folder)
            self._folder.mkdir(parents=True)
            found.append("the folder of the artifacts was removed or replaced while the lane ran")
        # Both are control's to write. What vouches for evidence would keep a run out of the history.
        for name in (RECORD, VOUCHED):
            if _remove(self._folder / name):
                found.append(f"{name} was there before the lane had ended")
        for name in WRITTEN_BY_THE_LANE:
            path = self._folder / name
            if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
                _remove(path)
                found.append(f"{name} was replaced by something that is no file")
        return (*found, *self._changed_contract(hermetic), *self._broken_seals())

    def _changed_contract(self, hermetic: str) -> tuple[str, ...]:
        try:
            now = msgspec.json.decode((self._folder / CONTRACT).read_bytes(), type=Contract)
        except (OSError, msgspec.MsgspecError):
            return (f"{CONTRACT} is missing or damaged",)
        same = self._written is not None and now == msgspec.structs.replace(self._written, hermetic=hermetic)
        return () if same else (f"{CONTRACT} was changed while the lane ran",)

    def _broken_seals(self) -> tuple[str, ...]:
        try:
            return broken_seals(journal_bytes(self._folder / JOURNAL), self._key)
        except OSError:
            return ()


def _remove(path: Path) -> bool:
    """Remove whatever has a path; return whether there was anything."""
    if not os.path.lexists(path):
        return False
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    return True
