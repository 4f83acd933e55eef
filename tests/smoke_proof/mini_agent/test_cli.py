"""The command line as users run it: exit codes, output, start and stop of the real process."""

from __future__ import annotations

import json
import re
import signal
import sys
from dataclasses import fields
from importlib import metadata
from pathlib import Path

import jsonschema
import pytest

from mini_agent.cli import command_parser, main
from mini_agent.settings import Settings
from support.gateway import GatewayProcess, Stage
from support.upstream import answer, held, text_stream

ENTRY = {"model_name": "g1", "litellm_params": {"model": "openai/x", "api_key": "os.environ/KEY_OF_G1"}}


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A valid file with one group."""
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"model_list": [ENTRY]}), encoding="utf-8")
    return str(path)


def test_schema_accepts_our_example_and_refuses_unknown_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """`config schema` prints a JSON Schema that says what the loader says."""
    assert main(["config", "schema"], {}) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors({"model_list": [ENTRY]})) == []
    assert list(validator.iter_errors({"surprise": 1})) != []


def test_schema_goes_to_a_file_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--out` writes the file and prints nothing."""
    out = tmp_path / "schema.json"
    assert main(["config", "schema", "--out", str(out)], {}) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["type"] == "object"
    assert capsys.readouterr().out == ""


def test_check_passes_a_valid_file(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--resolve`, unset references are no finding."""
    assert main(["config", "check", "--config", config, "--require-group", "g1"], {}) == 0
    assert capsys.readouterr().out.startswith("ok: ")


def test_check_resolves_when_asked(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--resolve` an unset variable is a finding with its key path; set, it passes."""
    assert main(["config", "check", "--config", config, "--resolve"], {"KEY_OF_G1": "k"}) == 0
    assert main(["config", "check", "--config", config, "--resolve"], {}) == 2
    expected = (
        "CONFIG_ERROR: environment variable 'KEY_OF_G1' is not set "
        "(referenced by model_list.0.litellm_params.api_key)\n"
    )
    assert capsys.readouterr().err == expected


def test_check_names_the_missing_group(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing group exits 2 and names it and the configured ones."""
    assert main(["config", "check", "--config", config, "--require-group", "g2"], {}) == 2
    assert capsys.readouterr().err == "CONFIG_ERROR: group 'g2' is not configured; configured groups: ['g1']\n"


def test_every_finding_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several findings are several `CONFIG_ERROR:` lines."""
    path = tmp_path / "bad.yaml"
    path.write_text("surprise: 1\ntool_execution: {other: 2}\n", encoding="utf-8")
    assert main(["config", "check", "--config", str(path)], {}) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("CONFIG_ERROR: ") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "environ", "text"),
    [
        (["serve", "--host", "0.0.0.0", "--port", "0"], {}, "refusing to serve 0.0.0.0 without a master key"),
        (["serve", "--config", "/no/such.yaml"], {}, "config file not found: /no/such.yaml"),
        (["serve"], {"MINI_AGENT_API_PORT": "x"}, "MINI_AGENT_API_PORT: expected a whole number, got 'x'"),
    ],
)
def test_serve_refuses_bad_configuration(
    arguments: list[str], environ: dict[str, str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Configuration errors exit 2 before anything listens, with one clear line."""
    assert main(arguments, environ) == 2
    assert capsys.readouterr().err.startswith(f"CONFIG_ERROR: {text}")


@pytest.mark.parametrize("arguments", [[], ["serve", "--port", "70000"], ["serve", "--mode", "x"], ["config"], ["x"]])
def test_usage_errors_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage exits 2 and shows how to use it."""
    with pytest.raises(SystemExit) as caught:
        main(arguments, {})
    assert caught.value.code == 2
    assert "usage: mini-agent" in capsys.readouterr().err


def test_serve_picks_a_port_announces_it_and_stops_on_term(tmp_path: Path) -> None:
    """`--port 0`: the announced address answers, `/healthz` agrees, SIGTERM ends it with 0; stderr is JSON lines."""
    with GatewayProcess(environ={"MINI_AGENT_INSTANCE_ID": "mine"}, folder=tmp_path) as process:
        assert process.wait_listening() == f"mini-agent listening on {process.url}"
        assert process.get("/ready").body == b'{"ok": true}'
        facts = process.get("/healthz").json()
        assert (facts["port"], facts["instance_id"]) == (process.port, "mine")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        lines = [json.loads(line) for line in process.stderr().splitlines()]
        assert [line["route"] for line in lines] == ["/ready", "/healthz"]


def test_fast_path_leaves_litellm_unimported(stage: Stage, tmp_path: Path) -> None:
    """After plain, streamed and scripted answers the process has imported neither litellm nor mcp nor openai."""
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"model_list": [stage.entry()]}), encoding="utf-8")
    # With this variable the interpreter reports every import on stderr.
    environ = {"PYTHONPROFILEIMPORTTIME": "1", "MINI_AGENT_ALLOW_DUMMY": "1"}
    with GatewayProcess("serve", "--port", "0", "--config", str(path), environ=environ, folder=tmp_path) as process:
        process.wait_listening()
        stage.upstream.script(answer("plain"), text_stream("streamed"))
        replies = [process.chat(), process.chat(stream=True), process.chat(model="dummy")]
        assert [reply.status for reply in replies] == [200, 200, 200]
        process.signal(signal.SIGTERM)
        process.wait()
        imported = {line.rpartition("|")[2].strip() for line in process.stderr().splitlines() if "|" in line}
    assert "mini_agent.app" in imported
    assert imported & {"litellm", "mcp", "openai", "greenlane", "httpx"} == set()


def test_interrupt_exits_130(tmp_path: Path) -> None:
    """Ctrl-C exits 130 without a traceback."""
    with GatewayProcess(folder=tmp_path) as process:
        process.wait_listening()
        process.signal(signal.SIGINT)
        assert process.wait() == 130
        assert "Traceback" not in process.stderr()


def test_running_request_survives_term(stage: Stage, tmp_path: Path) -> None:
    """SIGTERM stops accepting, but the request in flight gets its answer."""
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"model_list": [stage.entry()]}), encoding="utf-8")
    stage.upstream.script(held("late but whole"))
    with GatewayProcess("serve", "--port", "0", "--config", str(path), folder=tmp_path) as process:
        process.wait_listening()
        connection = process.open_stream({"model": "m1", "messages": [{"role": "user", "content": "hi"}]})
        stage.upstream.wait_requests()
        process.signal(signal.SIGTERM)
        stage.upstream.release.set()
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert answer["choices"][0]["message"]["content"] == "late but whole"
        assert process.wait() == 0


def test_taken_port_exits_1(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is in use is a failed operation with a plain sentence that names the address."""
    port = stage.upstream.port
    assert main(["serve", "--port", str(port)], {}) == 1
    told = f"mini-agent: Address already in use: 127.0.0.1:{port}; --port 0 takes a free one\n"
    assert capsys.readouterr().err == told


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command prints that ends the program."""
    with pytest.raises(SystemExit) as ended:
        main(words, {})
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` is that of the installed distribution."""
    assert printed(capsys, "--version") == f"mini-agent {metadata.version('greenlane')}\n"


@pytest.mark.parametrize("words", [(), ("serve",), ("config",), ("intercept",)], ids=str)
def test_help_has_examples_that_can_be_parsed(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Every example of `--help` is a command that the program knows."""
    text = printed(capsys, *words, "--help")
    examples = re.findall(r"^  (?:[A-Z_]+=\S+ )?mini-agent (.*?)(?:  .*)?$", text, re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        assert command_parser().parse_args(example.split()).run


def test_help_of_serve_names_the_variable_of_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The variables are those that are read."""
    named = re.findall(r"\[((?!PROGRAM)[A-Z_]+)\]", printed(capsys, "serve", "--help"))
    read = {name for option in fields(Settings) for name in option.metadata.get("names", ())}
    assert len(named) == 6
    assert set(named) - read == {"MINI_AGENT_CONFIG"}


def test_uvicorn_factory_answers_ready(tmp_path: Path) -> None:
    """`uvicorn mini_agent.app:create_app --factory` is a start form too: settings from the environment, real port."""
    arguments = ("-m", "uvicorn", "mini_agent.app:create_app", "--factory", "--port", "0")
    environ = {"MINI_AGENT_OPENAI_SHIM_MODE": "echo"}
    with GatewayProcess(*arguments, environ=environ, folder=tmp_path, program=sys.executable) as process:
        process.wait_for(r"Uvicorn running on http://127\.0\.0\.1:(\d+)")
        assert process.get("/ready").body == b'{"ok": true}'
        assert process.get("/healthz").json()["port"] == process.port
        assert process.chat(model="any").text == "shim ok"


def test_console_script_is_the_same_command() -> None:
    """The installed distribution declares `mini-agent` as this function."""
    (script,) = metadata.entry_points(group="console_scripts", name="mini-agent")
    assert script.load() is main
