"""Runs a client where nobody is but the gateway: `python -P sealed.py REPORT PORT=SOCKET … -- COMMAND…`.

The network is the one that deterministic lanes get: a namespace with a loopback and nothing else. What connects to
127.0.0.1:PORT there is carried through the unix socket SOCKET, which somebody outside leads to a gateway. REPORT gets
JSON: the level of the seal, and what the kernel counted of attempts to reach anybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from greenlane.supervisor.namespace import enter
from greenlane.supervisor.supervisor import refused_routes

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def carrier(
    there: Callable[[], Awaitable[Ends]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what a server does with a connection: carry it to another place, which `there` connects to."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await there()
        try:
            await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                end.close()

    return serve


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy bytes one way; the end of what is sent is passed on, too."""
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.write_eof()


def _datagrams() -> int:
    """Return how many datagrams anybody sent in this namespace: a name that is looked up is at least one."""
    lines = Path("/proc/self/net/snmp").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Udp:"))
    return int(values[names.index("OutDatagrams")])


async def _run(doors: dict[str, str], command: tuple[str, ...]) -> int:
    """Run the command while the doors are open, and return its exit status."""
    async with contextlib.AsyncExitStack() as stack:
        for port, path in doors.items():
            to_gateway = carrier(lambda path=path: asyncio.open_unix_connection(path))  # type: ignore[misc]
            await stack.enter_async_context(await asyncio.start_server(to_gateway, "127.0.0.1", int(port)))
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        return await process.wait()


def main(report: str, *words: str) -> int:
    """Seal this process, run the command, and return its exit status."""
    at = words.index("--")
    doors = dict(door.split("=", 1) for door in words[:at])
    enclosure = enter(keep=doors.values())
    found: dict[str, object] = {"level": enclosure.level, "reason": enclosure.reason}
    status = 0
    if enclosure.level == "kernel":
        status = asyncio.run(_run(doors, words[at + 1 :]))
        found |= {"refused": refused_routes(), "datagrams": _datagrams()}
    Path(report).write_text(json.dumps(found), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
