"""The echo backend, the table of backends, and what the backends share."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_agent.tools.backends import TOOL_BACKENDS
from mini_agent.tools.echo import EchoInvoker
from mini_agent.tools.protocol import capped
from support.agent_runs import PROPERTY
from support.tool_calls import once


def test_echo_repeats_its_text() -> None:
    """The one tool answers its text twice over, under any casing."""
    assert once(EchoInvoker, "echo", {"text": "hi"}) == {"ok": True, "name": "echo", "text": "hi", "result": "hi"}
    assert once(EchoInvoker, "ECHO", {"text": "hi"})["result"] == "hi"
    assert [spec["function"]["name"] for spec in asyncio.run(EchoInvoker().list_tools())] == ["echo"]


@pytest.mark.parametrize("arguments", ["{broken", "", "[1]", {}, {"text": 5}])
def test_unreadable_arguments_echo_nothing(arguments: object) -> None:
    """Arguments without a text are an empty text, not an error."""
    assert once(EchoInvoker, "echo", arguments) == {"ok": True, "name": "echo", "text": "", "result": ""}


def test_other_names_are_unknown() -> None:
    """Nothing but `echo` is offered."""
    record = once(EchoInvoker, "other", {"text": "hi"})
    assert (record["ok"], record["error"]) == (False, "unknown tool")


def test_the_table_names_every_backend() -> None:
    """The backends are those of the contract, in its order."""
    assert list(TOOL_BACKENDS) == ["local", "http", "docker", "mcp", "echo"]


@PROPERTY
@given(st.text(max_size=40), st.integers(0, 60))
def test_a_cap_counts_bytes_and_splits_no_character(text: str, limit: int) -> None:
    """What is kept is a prefix within the limit, and cut only when it has to be."""
    kept, truncated = capped(text, limit)
    assert text.startswith(kept)
    assert len(kept.encode()) <= limit
    assert truncated is (len(text.encode()) > limit)
    if truncated:
        assert len(text[: len(kept) + 1].encode()) > limit


def test_importing_the_tools_imports_no_optional_package() -> None:
    """Neither MCP nor LiteLLM is loaded, and without `mcp` the backend says what it needs."""
    code = (
        "import sys; sys.modules['mcp'] = None\n"
        "import mini_agent.agent, mini_agent.tools.backends\n"
        "assert not {'litellm', 'mcp_types', 'httpx2'} & set(sys.modules)\n"
        "from mini_agent.core.errors import ProviderNotConfigured\n"
        "from mini_agent.settings.schema import McpServer\n"
        "from mini_agent.tools.mcp.invoker import McpInvoker\n"
        "from mini_agent.tools.mcp.pool import McpPool\n"
        "try: McpInvoker(McpPool({'a': McpServer(transport='stdio', command='x')}, {}))\n"
        "except ProviderNotConfigured as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "MCP servers need the optional package 'mcp'\n"
