"""Sockets that go on listening."""

from __future__ import annotations

import gc
import os
import socket
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from greenlane.plugin.leaks.change import ABSENT, Change, Clue
from greenlane.plugin.leaks.context import Context, is_of_another
from greenlane.plugin.leaks.plain import is_a
from greenlane.plugin.network.audit import Site
from greenlane.plugin.network.loopback import Loopback

FOLDER = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"


class Ports:
    """Watches the listening sockets of this process, TCP and unix."""

    def __init__(self, context: Context) -> None:
        self._sites = context.sites
        self._busy = context.busy
        self._where: dict[str, tuple[Site, threading.Thread]] = {}
        self._first = threading.enumerate()
        self._bound = False
        self._nothing = os.open(os.devnull, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        self._lowest = self._lowest_free()
        self._known = {inode for _, inode, _ in _listening()}
        context.events.on("socket.bind", self._heard)

    def _heard(self, sock: socket.socket, _address: object) -> None:
        self._bound = True
        if self._busy():
            self._where[str(sock.fileno())] = (self._sites.site(depth=3), threading.current_thread())

    def _lowest_free(self) -> int:
        """Return the number that the next file will get; what was left open makes it rise."""
        number = os.dup(self._nothing)
        os.close(number)
        return number

    def poll(self) -> Sequence[Change]:
        """Return the listening sockets that were not there before."""
        lowest = self._lowest_free()
        if lowest == self._lowest and not self._bound:
            return ()
        self._lowest, self._bound = lowest, False
        now = list(_listening())
        known, self._known = self._known, {inode for _, inode, _ in now}
        where, self._where = self._where, {}
        return [
            self._change(number, inode, name, where.get(str(number)))
            for number, inode, name in now
            if inode not in known and not (str(number) in where and is_of_another(where[str(number)][1]))
        ]

    def _change(self, number: int, inode: int, name: str, heard: tuple[Site, threading.Thread] | None) -> Change:
        def still() -> bool:
            if (number, inode, name) not in set(_listening()):
                return False
            # What nobody holds is closed by the collector; to ask it takes longer than most tests.
            gc.collect()
            return (number, inode, name) in set(_listening())

        # A thread that serves on it would be left with a broken socket.
        served = any(
            not is_a(thread, threading.Timer) and thread not in self._first for thread in threading.enumerate()
        )
        # Closing the number behind the back of the object that owns it would one day close another file.
        return Change(
            name,
            ABSENT,
            f"listening (file {number})",
            None if served else lambda: os.dup2(self._nothing, number, inheritable=False),
            site=heard[0] if heard is not None else None,
            clue=Clue(calls=("listen", "create_server", "start_server", "bind", "serve_forever", "start")),
            still=still,
            started=True,
        )


def _listening() -> Iterator[tuple[int, int, str]]:
    """Yield the number, the inode and the address of each listening socket of this process."""
    for entry in os.listdir(FOLDER):
        number = int(entry)
        with suppress(OSError):
            status = os.fstat(number)
            if stat.S_ISSOCK(status.st_mode):
                with socket.socket(fileno=os.dup(number)) as copy:
                    if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        yield number, status.st_ino, _name(copy.getsockname())


def _name(address: Any) -> str:
    return Loopback.show(address)
