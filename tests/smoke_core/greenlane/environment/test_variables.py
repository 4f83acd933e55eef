"""What a lane sees of the caller's environment."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from greenlane.environment.variables import (
    INSTALL_PASSED,
    INSTALL_PREFIXES,
    PASSED,
    WINDOWS,
    install_environment,
    lane_environment,
    split_entries,
)  # fmt: skip

SECRETS = {"OPENAI_API_KEY": "sk-1", "GEMINI_API_KEY": "g-2", "GITHUB_TOKEN": "t-3", "AWS_SECRET_ACCESS_KEY": "a-4"}
NAMES = st.dictionaries(st.text("ABKEYPTO_", min_size=1), st.text("xyz"))


@settings(max_examples=30, deadline=None, database=None)
@given(outer=NAMES)
def test_nothing_passes_that_no_list_names(outer: dict[str, str]) -> None:
    """An allow-list: a name that nobody has thought of stays outside."""
    seen = lane_environment({**outer, **SECRETS}, base_environment={"PATH": "/bin"})

    assert set(seen) <= {"PATH", *PASSED, *WINDOWS}


def test_no_secret_passes_unless_its_gate_is_open() -> None:
    """Every value of a secret is looked for, not only its name."""
    seen = lane_environment({**SECRETS, "CI": "1"}, base_environment={"PATH": "/bin"}, entries=("TZ",))

    assert seen == {"PATH": "/bin", "CI": "1"}


def test_an_open_gate_passes_its_own_secrets_only() -> None:
    """Gemini's gate is no door for OpenAI's key."""
    seen = lane_environment(SECRETS, base_environment={}, secrets=("GEMINI_API_KEY", "NOT_THERE"))

    assert seen == {"GEMINI_API_KEY": "g-2"}


def test_what_a_lane_declares_is_let_through_or_set() -> None:
    """`NAME` passes what is there, `NAME=value` sets, also an empty value and one with an equals sign."""
    seen = lane_environment(
        {"OLLAMA_MODEL": "m", "MODE": "outer"},
        base_environment={},
        entries=("OLLAMA_MODEL", "ABSENT", "MODE=in=ner", "E="),
    )

    assert seen == {"OLLAMA_MODEL": "m", "MODE": "in=ner", "E": ""}


def test_essentials_win_over_endpoints_and_these_over_what_is_declared() -> None:
    """Neither the caller nor a lane can point PATH or the base elsewhere."""
    seen = lane_environment(
        {"PATH": "/evil", "BASE": "outer"}, base_environment={"PATH": "/bin"}, endpoints={"BASE": "real", "PATH": "/x"},
        entries=("PATH", "BASE=declared"),
    )  # fmt: skip

    assert seen == {"PATH": "/bin", "BASE": "real"}


def test_an_installation_sees_package_settings_and_no_provider_secret() -> None:
    """Certificates and index settings pass; keys do not; nothing is downloaded unasked."""
    outer = {"UV_INDEX_URL": "u", "pip_index_url": "p", "SSL_CERT_FILE": "c", "PATH": "/bin", "PYTHONPATH": "/x"}

    assert install_environment({**outer, **SECRETS}) == {
        "UV_INDEX_URL": "u",
        "pip_index_url": "p",
        "SSL_CERT_FILE": "c",
        "PATH": "/bin",
        "UV_PYTHON_DOWNLOADS": "never",
        "NODE_USE_SYSTEM_CA": "1",
        "PYTHONNOUSERSITE": "1",
    }


def test_the_lists_hold_no_name_of_a_secret() -> None:
    """Whoever lengthens a list is asked to look again."""
    listed = (*PASSED, *WINDOWS, *INSTALL_PASSED, *INSTALL_PREFIXES)

    assert [name for name in listed if any(word in name for word in ("KEY", "TOKEN", "SECRET", "PASSWORD"))] == []


def test_entries_are_split_at_the_first_equals_sign() -> None:
    """The same reading for lanes and services."""
    assert split_entries(["A", "B=1=2", "C="]) == (("A",), {"B": "1=2", "C": ""})
