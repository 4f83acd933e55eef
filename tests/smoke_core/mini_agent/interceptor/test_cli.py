"""`mini-agent intercept …` as users run it: exit codes, output, and the real process."""

from __future__ import annotations

import argparse
import errno
import io
import json
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mini_agent.cli import main
from mini_agent.interceptor.cli import add_commands
from support.gateway import GatewayProcess
from support.http_client import raw_exchange
from support.interceptor import ServedInterceptor
from support.loop_thread import LoopThread
from support.wire_target import WireTarget

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, the current one."""
    folder = tmp_path / "demo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose registry belongs to the test."""
    return {"PORT_REGISTRY_PATH": str(tmp_path / "registry.json")}


def intercept(environ: dict[str, str], *words: str) -> int:
    """Return the exit code of `mini-agent intercept WORDS`."""
    return main(["intercept", *words], environ)


def test_without_a_subcommand_it_helps(capsys: Capture) -> None:
    """The help is printed, examples included, and the exit code says that nothing was done."""
    assert intercept({}) == 1
    assert "mini-agent intercept list --json" in capsys.readouterr().out


def test_the_life_of_a_mapping(project: Path, environ: dict[str, str], capsys: Capture) -> None:
    """Allocate, show, list and remove the current folder."""
    assert intercept(environ, "allocate") == 0
    port = capsys.readouterr().out.strip()
    assert intercept(environ, "show") == 0
    assert capsys.readouterr().out.strip() == port
    assert intercept(environ, "list") == 0
    assert capsys.readouterr().out == f"{port}  {project}\n"
    assert intercept(environ, "remove") == 0
    assert intercept(environ, "list") == 0
    assert capsys.readouterr().out == f"no projects in {environ['PORT_REGISTRY_PATH']}\n"


@pytest.mark.parametrize("words", [("show",), ("remove",), ("remove", "--dry-run"), ("show", "elsewhere")])
def test_an_unknown_project(project: Path, environ: dict[str, str], capsys: Capture, words: tuple[str, ...]) -> None:
    """Asking for what is not there fails, on stderr, and creates nothing."""
    assert intercept(environ, *words) == 1
    out, err = capsys.readouterr()
    assert (out, err.startswith("mini-agent: ")) == ("", True)
    assert "demo" in str(project)


def test_list_for_scripts(project: Path, environ: dict[str, str], capsys: Capture) -> None:
    """`--json` gives the facts and the mappings; the options before the action choose file and range."""
    options = ("--port-min", "20201", "--port-max", "20202", "--registry", str(project / "own.json"))
    assert intercept(environ, *options, "allocate", "a") == 0
    assert intercept(environ, *options, "list", "--json") == 0
    facts = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert facts["mappings"] == {str(project / "a"): 20201}
    assert (facts["total_ports"], facts["registry_file"]) == (2, str(project / "own.json"))


def test_range_exhausted(project: Path, environ: dict[str, str], capsys: Capture) -> None:
    """No port left: exit 1, one line that names the range."""
    options = ("--port-min", "20203", "--port-max", "20203")
    assert [intercept(environ, *options, "allocate", name) for name in ("a", "b")] == [0, 1]
    assert capsys.readouterr().err.startswith("no free port left in 20203-20203")


def test_remove_stale(project: Path, environ: dict[str, str], capsys: Capture) -> None:
    """Projects without a folder are named by `--dry-run` and forgotten without it."""
    assert intercept(environ, "allocate") == 0
    assert intercept(environ, "allocate", "gone") == 0
    capsys.readouterr()
    for words in (("--dry-run",), ()):
        assert intercept(environ, "remove", "--stale", *words) == 0
        assert capsys.readouterr().out == f"{project / 'gone'}\n"
    assert intercept(environ, "remove", "--stale") == 0
    assert capsys.readouterr().out == ""
    assert intercept(environ, "show") == 0


def test_check(environ: dict[str, str], capsys: Capture) -> None:
    """Exit 0 for a free port, 1 for one in use."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert intercept(environ, "check", str(port)) == 1
    assert intercept(environ, "check", str(port)) == 0
    assert capsys.readouterr().out == f"port {port} is in use\nport {port} is free\n"


ANSWERS = {
    "yes": (("reset",), "y\n", 0, {}),
    "no": (("reset",), "n\n", 1, {"demo"}),
    "nobody there": (("reset",), "", 1, {"demo"}),
    "told": (("reset", "--yes"), "", 0, {}),
    "dry run": (("reset", "--dry-run"), "", 0, {"demo"}),
}


@pytest.mark.parametrize(("words", "typed", "code", "left"), ANSWERS.values(), ids=ANSWERS.keys())
def test_reset_asks(
    project: Path,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    typed: str,
    code: int,
    left: Any,
) -> None:
    """Only yes, or `--yes`, forgets; a script without a terminal is not taken for a yes."""
    assert intercept(environ, "allocate") == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert intercept(environ, *words) == code
    mappings = json.loads(Path(environ["PORT_REGISTRY_PATH"]).read_bytes())["mappings"]
    assert {Path(path).name for path in mappings} == set(left)


def test_a_damaged_registry_is_told(project: Path, environ: dict[str, str], capsys: Capture) -> None:
    """Reading warns; changing tells where the old file is."""
    Path(environ["PORT_REGISTRY_PATH"]).write_text("{", encoding="utf-8")
    assert intercept(environ, "list") == 0
    assert "it counts as empty" in capsys.readouterr().err
    assert intercept(environ, "allocate") == 0
    err = capsys.readouterr().err
    (backup,) = project.parent.glob("*.json.backup")
    assert str(backup) in err


def test_a_registry_that_cannot_be_read(project: Path, capsys: Capture) -> None:
    """A file that the system refuses is one line with its name, and exit 1."""
    assert intercept({"PORT_REGISTRY_PATH": str(project)}, "list") == 1
    assert capsys.readouterr().err == f"mini-agent: Is a directory: {project}\n"


CONFIGURATION = {
    "range": (("--port-min", "9", "--port-max", "8", "list"), {}, "port range 9-8"),
    "variable": (("run",), {"INTERCEPTOR_PORT": "many"}, "INTERCEPTOR_PORT: "),
    "user": (("run",), {"SUPERMEMORY_USERNAME": "two words"}, "SUPERMEMORY_USERNAME: "),
    "itself": (("run", "--port", "20204", "--target", "http://localhost:20204"), {}, "target http://localhost:20204: "),
}


@pytest.mark.parametrize(("words", "more", "text"), CONFIGURATION.values(), ids=CONFIGURATION.keys())
def test_configuration_errors(
    project: Path, environ: dict[str, str], capsys: Capture, words: tuple[str, ...], more: dict[str, str], text: str
) -> None:
    """A value that cannot be used ends with `CONFIG_ERROR:` and exit 2, as in every command."""
    assert intercept({**environ, **more}, *words) == 2
    assert capsys.readouterr().err.startswith(f"CONFIG_ERROR: {text}")


@pytest.mark.parametrize("words", [("check", "0"), ("check", "x"), ("run", "--target", "nowhere"), ("fly",)])
def test_usage_errors(words: tuple[str, ...]) -> None:
    """A word that cannot be understood is argparse's own error."""
    with pytest.raises(SystemExit) as caught:
        intercept({}, *words)
    assert caught.value.code == 2


def test_run_refuses_a_port_in_use(project: Path, environ: dict[str, str], loop: LoopThread, capsys: Capture) -> None:
    """A second interceptor of a project says that it runs already; a foreign server's port is named."""
    with ServedInterceptor(loop, project=str(project)) as own:
        assert intercept(environ, "run", "--port", str(own.port)) == 1
        assert capsys.readouterr().err == f"the interceptor of {project} already runs on port {own.port}\n"
    with ServedInterceptor(loop, project="/p/other") as other:
        assert intercept(environ, "run", "--port", str(other.port)) == 1
        assert capsys.readouterr().err.startswith(f"port {other.port} is in use on 127.0.0.1")


def test_a_port_taken_at_the_last_moment(project: Path, environ: dict[str, str], capsys: Capture) -> None:
    """If another program binds the registry's port between the look at it and the bind, `run` takes the next one."""
    tried: list[int] = []
    with ExitStack() as stack:

        def serve(_app: Any, host: str, port: int, announce: Any) -> int:
            tried.append(port)
            if len(tried) == 1:
                stack.enter_context(socket.create_server((host, port)))
                raise OSError(errno.EADDRINUSE, "Address already in use")
            announce(f"http://{host}:{port}")
            return 0

        parser = argparse.ArgumentParser()
        add_commands(parser.add_subparsers(), serve)
        words = ("--port-min", "20401", "--port-max", "20449", "run")
        parsed = parser.parse_args(["intercept", *words])
        assert parsed.run(parsed, environ) == 0
    first, second = tried
    assert first != second
    assert capsys.readouterr().out.startswith(f"mini-agent interceptor listening on http://127.0.0.1:{second}\n")
    mappings = json.loads(Path(environ["PORT_REGISTRY_PATH"]).read_bytes())["mappings"]
    assert mappings == {str(project): second}


def test_run(project: Path, environ: dict[str, str], target: WireTarget) -> None:
    """The process takes the registry's port of its folder, relays, and ends with 0 at SIGTERM."""
    settings = {
        **environ,
        "TARGET_LLM_URL": target.url,
        "INTERCEPTOR_PORT_MIN": "20301",
        "INTERCEPTOR_PORT_MAX": "20399",
    }
    target.answer(b"HTTP/1.1 200 OK\r\ndate: Sat, 01 Jan 2000 00:00:00 GMT\r\ncontent-length: 2\r\n\r\nok")
    with GatewayProcess("intercept", "run", environ=settings, folder=project) as process:
        process.wait_listening()
        answer = raw_exchange(process.port, b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        assert answer.endswith(b"\r\n\r\nok")
        assert answer.lower().count(b"\r\ndate: ") == 1, "the server has added a date of its own to the target's"
        sent = target.headers()
        health = process.get("/health").json()
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.stderr()
    assert health == {
        "status": "healthy",
        "instance_id": "pycharm-demo",
        "target": target.url,
        "project": str(project),
    }
    mappings = json.loads(Path(environ["PORT_REGISTRY_PATH"]).read_bytes())["mappings"]
    assert mappings == {str(project): process.port}
    assert ("x-memory-user-id", "pycharm-demo") in sent
