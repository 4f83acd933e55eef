"""Streams a lane's output once, live, line by line, and keeps a copy; secrets are cut out on the way."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from greenlane.supervisor.plan import OutputMode
from greenlane.util.redaction import Redactor

COLOR = rb"\x1b\[[0-9;:]*m"
RESET = b"\x1b[0m"
_STEERING = re.compile(rb"(" + COLOR + rb")|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
"""Colours, and every other control character of ASCII, Latin-1 and UTF-8 but tab and carriage return."""

_COLORS = re.compile(COLOR)
_SECTION = re.compile(
    rb"=+ (FAILURES|ERRORS|PASSES|XFAILURES|XPASSES|warnings summary.*|short test summary info|slowest .*) =+"
)
"""Heads of what pytest says in the end."""

CRASH = 3
"""Lines of a crash of pytest itself; its first line, and the verdict, say which."""

LONGEST = 20_000
"""Bytes of one line that a terminal gets; the copy has all of it."""


def harmless(line: bytes) -> bytes:
    """Return a line that can colour itself, and neither what follows nor anything else on a terminal.

    Sequences that move the cursor, clear the screen, set the title or hide text could write over what the harness
    says; their control characters are shown as the replacement character. A carriage return stays: it must not carry
    the lane's words to where ours stand, so whoever prints the line repeats the prefix after it.
    """
    if len(line) > LONGEST:
        line = line[:LONGEST] + f" … {len(line) - LONGEST} more bytes in the log".encode()
    shown = _STEERING.sub(lambda found: found[1] or "\N{REPLACEMENT CHARACTER}".encode(), line)
    return shown + RESET if b"\x1b[" in shown and not shown.endswith(RESET) else shown


class Ending:
    """Knows what pytest says when all tests have run: traces, warnings and summaries, which the verdict tells better.

    Nothing is lost by it: the copy has every line.
    """

    def __init__(self) -> None:
        self._over = False
        self._crashed = 0

    def hides(self, line: bytes) -> bool:
        """Return whether a line belongs to it."""
        text = _COLORS.sub(b"", line).strip()
        self._crashed += text.startswith(b"INTERNALERROR>")
        if text.startswith(b"==") and text.endswith(b"=="):
            self._over = bool(_SECTION.fullmatch(text))
            return self._over
        return self._over or (self._crashed > CRASH and text.startswith(b"INTERNALERROR>"))


class Output:
    """Where the lane's output goes.

    Args:
        label: prefix of each line on the terminal.
        log: file of the copy.
        secrets: values that are cut out, by name.
        output_mode: who is heard on the terminal.
    """

    def __init__(
        self, label: str, log: Path, secrets: Mapping[str, str], output_mode: OutputMode = OutputMode.ALL
    ) -> None:
        self._output_mode = output_mode
        self._prefix = f"{label} | ".encode()
        self._log = log.open("wb")
        self._redactor = Redactor(secrets)
        self._lock = threading.Lock()
        self.found: set[str] = set()

    def line(self, line: bytes, *, own: bool = False, quiet: bool = False) -> None:
        """Print and keep one line, with its end; `own` when it is not the lane's, `quiet` when it is only kept."""
        names = self._redactor.found(line)
        if names:
            line = self._redactor.clean(line)
            self.found.update(f"{name} in the output" for name in names)
        with self._lock:
            self._log.write(line)
            if quiet or self._output_mode is OutputMode.NONE or (self._output_mode is OutputMode.OWN and not own):
                return
            shown = harmless(line.removesuffix(b"\n").removesuffix(b"\r"))
            sys.stdout.buffer.write(self._prefix + shown.replace(b"\r", b"\r" + self._prefix) + b"\n")
            sys.stdout.buffer.flush()

    def say(self, text: str) -> None:
        """Print and keep a line of our own."""
        self.line(f"{text}\n".encode(), own=True)

    def follow(self, stream: IO[bytes]) -> None:
        """Copy a stream to its end."""
        ending = Ending()
        for line in stream:
            quiet = self._output_mode is OutputMode.LIVE and ending.hides(line)
            self.line(line if line.endswith(b"\n") else line + b"\n", quiet=quiet)

    def close(self) -> None:
        """Finish the copy."""
        with self._lock:
            self._log.close()
