"""What is told at start: every way of starting is as strict, and nothing that is written down is silently void."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mini_agent.app import create_app
from mini_agent.cli import main
from mini_agent.core.errors import ConfigError
from mini_agent.settings import Settings, load_settings
from mini_agent.settings.start import refuse_unsafe
from support.gateway import Stage

LONG_KEY = "0123456789abcdef"
OPEN_ADDRESSES = ["0.0.0.0", "::", "192.0.2.7", "gateway.example"]


def load(folder: Path, text: Any, environ: dict[str, str] | None = None) -> Settings:
    """Returns: settings from a file with this text, or this root."""
    path = folder / "given.yaml"
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return load_settings(environ or {}, config=str(path))


def entry(model: str, **params: Any) -> dict[str, Any]:
    """Returns: a `model_list` entry. model_info: goes beside the parameters."""
    info = params.pop("model_info", {})
    return {"model_name": "g", "litellm_params": {"model": model, "api_key": "k", **params}, "model_info": info}


@pytest.mark.parametrize("host", OPEN_ADDRESSES)
@pytest.mark.parametrize(("key", "said"), [(None, "without a master key"), ("short-key", "of 9 characters")])
def test_an_open_address_needs_a_key_that_cannot_be_guessed(host: str, key: str | None, said: str) -> None:
    """Wanted: models on somebody's bill. No key, or one under 16 characters, is refused, however the app is built."""
    settings = Settings(host=host, master_key=key)
    for start in (refuse_unsafe, create_app):
        with pytest.raises(ConfigError, match=said):
            start(settings)


@pytest.mark.parametrize("host", [*OPEN_ADDRESSES, "127.0.0.1", "::1", "localhost"])
def test_what_is_safe_or_meant_is_served(host: str) -> None:
    """A long key, or the operator's word, opens any address; loopback needs neither."""
    refuse_unsafe(Settings(host=host, master_key=LONG_KEY))
    refuse_unsafe(Settings(host=host, allow_open=True))
    if host in ("127.0.0.1", "::1", "localhost"):
        refuse_unsafe(Settings(host=host, master_key="k"))


@pytest.mark.parametrize(
    ("local", "key", "status"),
    [
        ("192.0.2.7", None, 403),
        ("192.0.2.7", "short-key", 403),
        ("2001:db8::7", None, 403),
        ("192.0.2.7", LONG_KEY, 200),
        ("127.0.0.1", None, 200),
        ("/run/gateway.sock", None, 200),
    ],
)
def test_a_server_of_others_cannot_open_it_behind_our_back(local: str, key: str | None, status: int) -> None:
    """`uvicorn --host 0.0.0.0` does not tell the app. A request that came in on an open address is refused itself."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    app = create_app(Settings(master_key=key))
    scope = {"type": "http", "method": "GET", "path": "/ready", "query_string": b"", "server": (local, 8788)}
    asyncio.run(app({**scope, "headers": [(b"host", b"localhost")]}, receive, send))
    assert sent[0]["status"] == status
    assert status == 200 or json.loads(sent[1]["body"])["error"]["code"] == "open_address"


TWICE = {
    "a section": ("model_list: []\nmodel_list: []\n", "'model_list' stands here twice"),
    "a key within an entry": (
        "model_list:\n- model_name: a\n  litellm_params: {model: openai/x, api_key: k, api_key: other}\n",
        "line 3, column 49: the key 'api_key' stands here twice",
    ),
    "a limit": ("general_settings:\n  master_key: a\n  master_key: b\n", "line 3"),
    "in JSON": ('{"litellm_settings": {"drop_params": true, "drop_params": false}}', "'drop_params'"),
}


@pytest.mark.parametrize(("text", "said"), TWICE.values(), ids=TWICE)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """YAML keeps the last one without a word; whoever wrote the first one believes in it."""
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, text)


def test_merged_keys_may_be_overridden(tmp_path: Path) -> None:
    """No false alarm: `<<` merges a mapping whose keys the entry replaces on purpose."""
    text = """
litellm_settings: {drop_params: true}
model_list:
- model_name: a
  litellm_params: &base {model: openai/x, api_key: k, timeout: 5}
- model_name: b
  litellm_params: {<<: *base, model: openai/y}
"""
    assert load(tmp_path, text).models["b"] == {"model": "openai/y", "api_key": "k", "timeout": 5}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (entry("opnai/x"), "model_list.0.litellm_params.model: nobody has a provider 'opnai'; did you mean 'openai'?"),
        (entry("qqq/x"), "model_list.0.litellm_params.model: nobody has a provider 'qqq'"),
        (entry("gpt/x", custom_llm_provider="azur"), "nobody has a provider 'azur'; did you mean 'azure'?"),
    ],
)
def test_a_provider_that_nobody_has_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    """It would fail at the first request, hours later; a near name is proposed. Forward mode only warns."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {"model_list": [given]})
    assert str(caught.value).endswith(said)
    settings = load(tmp_path, {"model_list": [given]}, {"MINI_AGENT_PROVIDER_MODE": "forward"})
    assert [line.endswith(said) for line in settings.ignored] == [True]


@pytest.mark.parametrize(
    "given",
    [
        entry("openai/x"),
        entry("anthropic/x"),
        entry("openai_responses/x"),
        entry("bedrock/x"),
        entry("mini-agent/openai/x", max_iterations=2),
        entry("codex-agent/x"),
        entry("os.environ/ND_MODEL"),
        entry("langgraph/x"),
        entry("team-model/x", api_base="http://127.0.0.1:1/v1", model_info={"transport": "http"}),
    ],
)
def test_providers_that_somebody_has_are_served(tmp_path: Path, given: dict[str, Any]) -> None:
    """No false alarm: ours, LiteLLM's, agents, and any name whose entry says how it is reached."""
    assert load(tmp_path, {"model_list": [given]}).ignored == ()


LIMITS = {
    "general_settings.allowed_ips": {"general_settings": {"master_key": "k", "allowed_ips": ["10.0.0.1"]}},
    "litellm_settings.max_budget": {"litellm_settings": {"max_budget": 10}},
    "litellm_settings.guardrails": {"litellm_settings": {"guardrails": []}},
    "model_list.0.litellm_params.max_parallel_requests": {"model_list": [entry("openai/x", max_parallel_requests=2)]},
    "model_list.0.litellm_params.mock_response": {"model_list": [entry("openai/x", mock_response="hi")]},
}


@pytest.mark.parametrize(("path", "root"), LIMITS.items(), ids=LIMITS)
def test_a_limit_that_nobody_keeps_is_refused(tmp_path: Path, path: str, root: dict[str, Any]) -> None:
    """Somebody believes to be protected, or to spend little: in sdk mode that is an error with the name."""
    with pytest.raises(ConfigError, match=f"^{path}: the gateway has no such limit"):
        load(tmp_path, root)
    assert load(tmp_path, root, {"MINI_AGENT_PROVIDER_MODE": "forward"}).ignored == ()


IGNORED = {
    "general_settings.alerting": {"general_settings": {"master_key": "k", "alerting": ["slack"]}},
    "litellm_settings.num_retries": {"litellm_settings": {"num_retries": 3, "drop_params": True}},
    "litellm_settings.cache": {"litellm_settings": {"cache": True}},
    "router_settings.fallbacks": {"router_settings": {"fallbacks": []}},
    "model_list.0.litellm_params.rpm": {"model_list": [entry("openai/x", rpm=60)]},
}


@pytest.mark.parametrize(("path", "root"), IGNORED.items(), ids=IGNORED)
def test_settings_that_nobody_reads_are_named(
    tmp_path: Path, stage: Stage, capsys: pytest.CaptureFixture[str], path: str, root: dict[str, Any]
) -> None:
    """Where only comfort is lost, `serve` logs a warning with the name, and `config check` prints it."""
    line = f"{path}: ignored, it is a setting of LiteLLM"
    assert load(tmp_path, root).ignored == (line,)
    logged = [entry["message"] for entry in stage.gateway(root).log_lines() if entry["level"] == "warning"]
    assert logged == [line]
    assert main(["config", "check", "--config", str(tmp_path / "given.yaml")], {}) == 0
    assert f"warning: {line}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "ours"), [("api_bse", "api_base"), ("time_out", "timeout"), ("max_retires", "max_retries")]
)
def test_a_parameter_that_is_nearly_ours_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, ours: str
) -> None:
    """What stands beside a model goes on to it: a mistyped key of ours is proposed, others are not."""
    root = {"model_list": [entry("openai/x", temperature=1, api_version="1", **{name: "1"})]}
    line = f"model_list.0.litellm_params.{name}: sent to the model as it is; did you mean '{ours}'?"
    assert load(tmp_path, root).ignored == (line,)
    assert main(["config", "check", "--config", str(tmp_path / "given.yaml")], {}) == 0
    assert f"warning: {line}" in capsys.readouterr().out


def test_a_mistyped_key_is_why_it_is_missing(tmp_path: Path) -> None:
    """A provider without its key says which word may have been meant as one."""
    params = {"model": "openai/x", "api_ky": "sk-x"}
    with pytest.raises(ConfigError, match=r"api_key is required .*'api_ky' is none; did you mean 'api_key'\?"):
        load(tmp_path, {"model_list": [{"model_name": "m", "litellm_params": params}]})


def test_a_key_that_is_nearly_ours_is_told_so(tmp_path: Path) -> None:
    """Where LiteLLM's settings may stand, a mistyped one of ours proposes it."""
    root = {"general_settings": {"master_key": "k", "protect_routing_inf": True}}
    (line,) = load(tmp_path, root).ignored
    assert line.endswith(
        "protect_routing_inf: ignored, it is a setting of LiteLLM; did you mean 'protect_routing_info'?"
    )


UNKNOWN = {
    "modell_list": ({"modell_list": []}, "model_list"),
    "model_list.0.model_nam": ({"model_list": [{"model_nam": "a"}]}, "model_name"),
    "user_id_mappings.header_patterns.0.user": (
        {"user_id_mappings": {"header_patterns": [{"header": "a", "pattern": "b", "user": "c"}]}}, "user_id",
    ),
    "context_retrieval.enabeld": ({"context_retrieval": {"enabeld": True}}, "enabled"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "root", "meant"), [(path, *case) for path, case in UNKNOWN.items()], ids=UNKNOWN)
def test_an_unknown_key_proposes_the_nearest(tmp_path: Path, path: str, root: dict[str, Any], meant: str) -> None:
    """In every closed section, at any depth, with the key path."""
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, root)
    assert f"{path}: unknown key; did you mean '{meant}'?" in str(refused.value).splitlines()


def test_check_refuses_what_serve_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`config check` ends with 2 and names every finding, one a line."""
    root = {"litellm_settings": {"max_budget": 1}, "model_list": [entry("opnai/x")]}
    (tmp_path / "given.yaml").write_text(json.dumps(root), encoding="utf-8")
    assert main(["config", "check", "--config", str(tmp_path / "given.yaml")], {}) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["CONFIG_ERROR", "model_list.0.litellm_params.model"],
        ["CONFIG_ERROR", "litellm_settings.max_budget"],
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MINI_AGENT_ALLOWED_HOSTS", "http://gateway.example"),
        ("MINI_AGENT_ALLOWED_HOSTS", "gateway.example:8788"),
        ("MINI_AGENT_ALLOWED_HOSTS", "*"),
        ("MINI_AGENT_ALLOWED_HOSTS", "*.*"),
        ("MINI_AGENT_ALLOWED_HOSTS", "a b"),
        ("MINI_AGENT_ALLOWED_ORIGINS", "*"),
        ("MINI_AGENT_ALLOWED_ORIGINS", "null"),
        ("MINI_AGENT_ALLOWED_ORIGINS", "https://*"),
        ("MINI_AGENT_ALLOWED_ORIGINS", "https://*.example"),
        ("MINI_AGENT_ALLOWED_ORIGINS", "ui.example"),
        ("MINI_AGENT_ALLOWED_ORIGINS", "https://ui.example/page"),
        ("MINI_AGENT_MAX_REQUESTS", "0"),
    ],
)
def test_lists_of_the_door_take_nothing_that_would_open_it(variable: str, value: str) -> None:
    """A mistake in a list is an error that names the variable, not a list that lets nobody or everybody in."""
    with pytest.raises(ConfigError, match=f"^{variable}: "):
        load_settings({variable: value})
