"""What the interceptor's variables mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mini_agent.core.errors import ConfigError
from mini_agent.interceptor.settings import load_interceptor_settings

FOLDER = Path("/projects/demo")


def load(environ: dict[str, str] | None = None, **flags: Any) -> Any:
    """Return the settings of the demo project."""
    return load_interceptor_settings(environ or {}, flags, folder=FOLDER)


def test_defaults() -> None:
    """Without any variable: the documented defaults."""
    settings = load()
    assert (settings.project, settings.instance_id, settings.target) == (
        "/projects/demo",
        "pycharm-demo",
        "http://127.0.0.1:8788",
    )
    assert (settings.host, settings.port, settings.inject, settings.api_key) == ("127.0.0.1", None, True, None)
    assert (str(settings.port_range), str(settings.registry)) == ("8888-9999", "~/.config/litellm/port_registry.json")


TARGETS = ("MEMORY_PROXY_URL", "TARGET_LLM_URL", "MINI_AGENT_API_BASE")


@pytest.mark.parametrize("position", range(len(TARGETS)))
def test_the_first_target_that_is_set_counts(position: int) -> None:
    """Memory proxy, else LLM, else the gateway's own base; a blank one counts as unset; the slash at the end goes."""
    environ = {name: f"http://{name.lower().replace('_', '-')}:1/" for name in TARGETS[position:]}
    environ.update(dict.fromkeys(TARGETS[:position], " "))
    assert load(environ).target == f"http://{TARGETS[position].lower().replace('_', '-')}:1"


VALUES = {
    "port": ("INTERCEPTOR_PORT", "9000", "port", 9000),
    "user": ("SUPERMEMORY_USERNAME", " alice@example ", "instance_id", "alice@example"),
    "inject off": ("INJECT_INSTANCE_ID", "0", "inject", False),
    "inject on": ("INJECT_INSTANCE_ID", "True", "inject", True),
    "key": ("INTERCEPTOR_API_KEY", "sk-1", "api_key", "sk-1"),
    "registry": ("PORT_REGISTRY_PATH", "/r.json", "registry", Path("/r.json")),
}


@pytest.mark.parametrize(("name", "text", "field", "value"), VALUES.values(), ids=VALUES.keys())
def test_each_variable(name: str, text: str, field: str, value: object) -> None:
    """Each variable sets its field."""
    assert getattr(load({name: text}), field) == value


def test_flags_are_stronger() -> None:
    """A flag wins over a variable, a variable over the default."""
    environ = {"INTERCEPTOR_PORT": "1", "INTERCEPTOR_PORT_MIN": "10", "INTERCEPTOR_PORT_MAX": "20"}
    settings = load(environ, port=2, port_max=15, target=None)
    assert (settings.port, str(settings.port_range)) == (2, "10-15")


def test_every_mistake_is_told_at_once() -> None:
    """Malformed values are reported together, each with its variable."""
    environ = {"INTERCEPTOR_PORT": "x", "MEMORY_PROXY_URL": "ftp://a", "SUPERMEMORY_USERNAME": "a b"}
    with pytest.raises(ConfigError) as caught:
        load(environ)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == list(environ)


@pytest.mark.parametrize("address", ["http://me:hidden@h", "http://h/?key=hidden", "http://h/v1#hidden"])
def test_an_address_that_paths_cannot_follow(address: str) -> None:
    """A target with a user, a query or a fragment is refused at start, without its text, which may be a secret."""
    with pytest.raises(ConfigError, match="an address without user, query and fragment") as caught:
        load({"MEMORY_PROXY_URL": address})
    assert "hidden" not in str(caught.value)


def test_a_range_that_ends_before_it_begins() -> None:
    """It is refused, naming where either end comes from."""
    with pytest.raises(ConfigError, match=r"--port-min and INTERCEPTOR_PORT_MIN"):
        load({"INTERCEPTOR_PORT_MIN": "9999"}, port_max=9000)


NAMES = {"plain": "demo-1.x", "space": "my project", "umlaut": "größe", "root": ""}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_the_default_user_can_travel_in_a_header(name: str) -> None:
    """The folder's name, with whatever a header cannot carry replaced; different names stay different users."""
    user = load_interceptor_settings({}, folder=Path("/projects") / name if name else Path("/")).instance_id
    assert user.startswith("pycharm-")
    assert user.isascii()
    assert user.isprintable()
    assert " " not in user
    if name.isascii() and " " not in name:
        assert user == f"pycharm-{name}"


def test_similar_names_are_different_users() -> None:
    """Two folders whose names become the same text do not share a memory."""
    users = {load_interceptor_settings({}, folder=Path(f"/p/{name}")).instance_id for name in ("a b", "a-b", "aüb")}
    assert len(users) == 3


def test_the_key_is_not_shown() -> None:
    """The record's text, which may land in a log, has no key."""
    assert "sk-hidden" not in repr(load({"INTERCEPTOR_API_KEY": "sk-hidden"}))
