"""Copies of the lane process: each does one thing, tells the answer through a pipe and is gone."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

Say = Callable[[bytes], None]
"""Tells the original something on the way; without line ends."""

Work = Callable[[Say], bytes]
"""What a copy does; what it returns is the answer."""

OK = b"+"
"""Ends an answer that is whole; a copy that died has said less."""


class ForkedWorker:
    """A forked copy of this process.

    Args:
        work: what the copy does.
        group: whether it leads a process group of its own, which ends with it. A copy of a copy stays in its group.
    """

    def __init__(self, work: Work, *, group: bool = False) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.pipe, write = os.pipe()
        self._group = group
        self._said = b""
        with warnings.catch_warnings():
            # A module that starts threads when it is imported makes a copy risky; tests have their time limit.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            _live(work, write, group)
        os.close(write)
        if group:
            with suppress(ProcessLookupError, PermissionError):  # the copy has done it first, or is gone
                os.setpgid(self._pid, self._pid)

    def read(self) -> bool:
        """Take what the copy has said; whether it may say more."""
        piece = os.read(self.pipe, 65536)
        self._said += piece
        # A child of a test may hold the pipe open for longer than the copy lives.
        return bool(piece) and not self._said.endswith(OK)

    def answer(self) -> bytes | None:
        """Wait for the end of the copy and return its answer; None when it died."""
        while not self._said.endswith(OK) and self.read():
            pass
        self.close()
        return self._said.removesuffix(OK).split(b"\n")[-1] if self._said.endswith(OK) else None

    @property
    def last_word(self) -> bytes:
        """What a copy that died said last; empty for nothing."""
        return self._said.rpartition(b"\n")[0].rpartition(b"\n")[2]

    def close(self) -> None:
        """End the copy, and its group when it has one; a second call does nothing."""
        if self.pipe < 0:
            return
        with suppress(ProcessLookupError, PermissionError):
            (os.killpg if self._group else os.kill)(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self.pipe)
        self.pipe = -1


def _live(work: Work, write: int, group: bool) -> NoReturn:
    """Be the copy: nothing of what would run at the end of the original runs here."""

    def tell(text: bytes) -> None:
        while text:
            text = text[os.write(write, text) :]

    try:
        if group:
            os.setpgid(0, 0)
        tell(work(lambda text: tell(text + b"\n")) + OK)
    except BaseException:  # noqa: BLE001  whatever it was ends this copy only; the log has it, and there is no answer
        traceback.print_exc()
    finally:
        os._exit(0)


def side_by_side(works: Sequence[Work], enough: Callable[[bytes], bool]) -> tuple[list[bytes | None], list[bytes]]:
    """Run copies at once; return their answers, None for one that died or was ended, and what each said last.

    Args:
        works: what each copy does.
        enough: whether an answer makes all others needless.
    """
    workers = [ForkedWorker(work, group=True) for work in works]
    answers: list[bytes | None] = [None] * len(workers)
    try:
        with selectors.DefaultSelector() as selector:
            for number, worker in enumerate(workers):
                selector.register(worker.pipe, selectors.EVENT_READ, number)
            found = False
            while selector.get_map() and not found:
                # Several may have ended at once; what each says counts.
                for key, _ in selector.select():
                    if workers[key.data].read():
                        continue
                    selector.unregister(key.fd)
                    answer = answers[key.data] = workers[key.data].answer()
                    found = found or (answer is not None and enough(answer))
    finally:
        for worker in workers:
            worker.close()
    return answers, [worker.last_word for worker in workers]
