"""Streams a lane's output once, live, line by line, and keeps a copy; secrets are cut out on the way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from greenlane.control.supervisor.plan import Voice

REDACTED = b"[redacted]"


class Output:
    """Where the lane's output goes.

    Args:
        label: prefix of each line on the terminal.
        log: file of the copy.
        secrets: values that are cut out, by name.
        voice: who is heard on the terminal.
    """

    def __init__(self, label: str, log: Path, secrets: Mapping[str, str], voice: Voice = Voice.ALL) -> None:
        self._voice = voice
        self._prefix = f"{label} | ".encode()
        self._log = log.open("wb")
        self._secrets = {name: value.encode() for name, value in secrets.items() if len(value.strip()) > 3}
        self._lock = threading.Lock()
        self.found: set[str] = set()

    def line(self, line: bytes, *, own: bool = False) -> None:
        """Print and keep one line, with its end; `own` when it is not the lane's."""
        for name, value in self._secrets.items():
            if value in line:
                line = line.replace(value, REDACTED)
                self.found.add(f"{name} in the output")
        with self._lock:
            self._log.write(line)
            if self._voice is Voice.NONE or (self._voice is Voice.OWN and not own):
                return
            # A carriage return must not carry the lane's words to where ours stand.
            shown = line.removesuffix(b"\n").removesuffix(b"\r").replace(b"\r", b"\r" + self._prefix)
            sys.stdout.buffer.write(self._prefix + shown + b"\n")
            sys.stdout.buffer.flush()

    def say(self, text: str) -> None:
        """Print and keep a line of our own."""
        self.line(f"{text}\n".encode(), own=True)

    def follow(self, stream: IO[bytes]) -> None:
        """Copy a stream to its end."""
        for line in stream:
            self.line(line if line.endswith(b"\n") else line + b"\n")

    def close(self) -> None:
        """Finish the copy."""
        with self._lock:
            self._log.close()
