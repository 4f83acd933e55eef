"""The router guard: which groups must resolve, and the configuration that is written when they do not."""

from __future__ import annotations

import pytest
import yaml

from greenlane.config.lanes import Router
from greenlane.evidence.violation import Code
from greenlane.ext.llm.guard import groups_of, missing, stub, wanted

BASE = "http://127.0.0.1:8788"
GUARD = Router(variable="ROUTES", group_variable="ROUTER_MODEL_GROUP", groups=("codex-agent-1",))


@pytest.mark.parametrize(
    ("environ", "groups"),
    [
        pytest.param({}, ("codex-agent-1",), id="default"),
        pytest.param({"ROUTER_MODEL_GROUP": "fast"}, ("fast", "codex-agent-1"), id="named-comes-first"),
        pytest.param({"ROUTER_MODEL_GROUP": "codex-agent-1"}, ("codex-agent-1",), id="named-twice"),
        pytest.param({"ROUTER_MODEL_GROUP": "  "}, ("codex-agent-1",), id="blank"),
    ],
)
def test_the_group_that_the_caller_names_must_resolve_too(environ: dict[str, str], groups: tuple[str, ...]) -> None:
    """ROUTER_MODEL_GROUP adds to what the configuration requires."""
    assert wanted(GUARD, environ) == groups


def test_no_group_switches_the_guard_off() -> None:
    """Nor does the caller's variable switch it on in a project that has no router."""
    assert wanted(Router(), {"ROUTER_MODEL_GROUP": "fast"}) == ()
    assert wanted(Router(variable="ROUTES"), {}) == ()


NAMES = ["codex-agent-1", "with: colon", '"quoted"', "a\nmodel_list: []", "- x", "null", "ü", "http://evil.example"]


@pytest.mark.parametrize("name", NAMES)
def test_the_stub_is_a_model_list_whatever_a_group_is_called(name: str) -> None:
    """Every group has an entry in LiteLLM's own schema whose address is the base, so that none calls another host."""
    content = yaml.safe_load(stub(Router(), (name, "second"), BASE))

    assert groups_of(content) == (name, "second")
    assert list(content) == ["model_list"]
    params = content["model_list"][0]["litellm_params"]
    assert params == {"model": f"openai/{name}", "api_base": f"{BASE}/v1", "api_key": "no-key", "max_retries": 0}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "it has no list `model_list`"),
        ([], "it has no list `model_list`"),
        ({"model_list": {"a": 1}}, "it has no list `model_list`"),
        ({"model_list": [{"model_name": "a"}, {"name": "b"}]}, r"model_list\[1\] has no `model_name`"),
        ({"model_list": ["a"]}, r"model_list\[0\] has no `model_name`"),
    ],
)
def test_what_is_no_router_configuration_is_refused(content: object, problem: str) -> None:
    """A file that merely parses must not pass for a configuration without groups."""
    with pytest.raises(ValueError, match=problem):
        groups_of(content)


@pytest.mark.parametrize("strict", [True, False])
def test_a_missing_group_names_file_group_and_what_there_is(strict: bool) -> None:
    """Red when strict; otherwise a warning which says that the stub is used."""
    (found,) = missing(("a", "b"), ("b", "c"), "/x/router.yaml", "LITELLM_ROUTER_CONFIG", strict)

    assert (found.code, found.subject, found.gating) == (Code.GROUP_MISSING, "a", strict)
    assert "/x/router.yaml (LITELLM_ROUTER_CONFIG) has no model group 'a'; found: b, c" in found.message
    assert found.message.endswith("the stub is used instead") is not strict
