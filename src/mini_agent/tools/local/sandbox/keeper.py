"""The keeper of sandboxes: a process beside the gateway that forks one for every call.

A fork of this small process takes a millisecond; a fork of the gateway would take many, and an interpreter that is
started for each call would take as long as the call. It holds nothing: what a call runs is read by the fork. When the
gateway is gone, however it went, the socket says so, and everything ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
from typing import Any

from mini_agent.tools.local.sandbox.inside import USER, put, run_inside
from mini_agent.tools.local.sandbox.kernel import NEW_NAMESPACES, Kernel

#: Whom programs are outside, when the gateway may choose: nobody, who owns nothing.
_NOBODY = 65534
_CONFIGURATION_BYTES = 131_072
#: The socket of the call, stdout, stderr, the job, the script.
_DESCRIPTORS = 5


def main(descriptor: int) -> None:
    """Serve until the gateway is gone. descriptor: our end of its socket, whose first message is the view."""
    os.set_inheritable(descriptor, False)
    gateway = socket.socket(fileno=descriptor)
    view = json.loads(gateway.recv(_CONFIGURATION_BYTES))
    kernel = Kernel()
    # Nobody waits for the forks; each says by its own socket how it went.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # What is here now stays; looking through it again would only make every fork copy it.
    gc.freeze()
    gc.disable()
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(gateway, 1, _DESCRIPTORS)
        except ConnectionError:
            return
        if not message:
            return
        _start(kernel, gateway, view, descriptors)


def _start(kernel: Kernel, gateway: socket.socket, view: dict[str, Any], descriptors: list[int]) -> None:
    """Start the sandbox of one call."""
    for number in descriptors:
        os.set_inheritable(number, False)
    with socket.socket(fileno=descriptors[0]) as call:
        go, start = os.pipe()
        try:
            init = kernel.clone(NEW_NAMESPACES, signal.SIGCHLD)
            if init == 0:
                gateway.close()
                os.close(start)
                run_inside(kernel, go, call, view, descriptors[1:])
            os.write(start, _map_ids(init))
        except OSError as error:
            what = f"{error.filename}: " if isinstance(error.filename, str) else ""
            answer = {"error": f"{what}{error.strerror}", "errno": error.errno, "ours": True}
            with contextlib.suppress(OSError):
                call.send(json.dumps(answer).encode())
        finally:
            for number in (go, start, *descriptors[1:]):
                os.close(number)


def _map_ids(pid: int) -> bytes:
    """Say who the users of the sandbox are outside.

    A gateway of root gives away its own id only for building, and runs the program as nobody. Any other one can only
    be mapped to itself. Returns: `2` or `1`, the number of ids that were mapped.
    """
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        with contextlib.suppress(OSError):
            both = f"0 0 1\n{USER} {_NOBODY} 1"
            put(f"/proc/{pid}/uid_map", both)
            put(f"/proc/{pid}/gid_map", both)
            return b"2"
    put(f"/proc/{pid}/setgroups", "deny")
    put(f"/proc/{pid}/uid_map", f"{USER} {uid} 1")
    put(f"/proc/{pid}/gid_map", f"{USER} {gid} 1")
    return b"1"
