"""Finding the first fenced block."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_agent.agent.codeblocks import CodeBlock, first_code_block
from support.agent_runs import PROPERTY


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("a\n```python\nprint(1)\n```\nb", "python", "print(1)"),
        ("```\nx\n```", "", "x"),
        ("```py\nx\n\ny\n", "py", "x\n\ny\n"),
        ("```Python title=a.py\nx", "python", "x"),
        ("```rust\nfn\n```\n```python\nx\n```", "rust", "fn"),
        ("````\n```\nx\n```\n````", "", "```\nx\n```"),
        ("1. so:\n   ```python\n   if a:\n     b\n   ```", "python", "if a:\n  b"),
        ("```python\r\nx\r\n```\r\n", "python", "x"),
    ],
)
def test_first_block(text: str, language: str, code: str) -> None:
    """The first block counts, its language is the first word in lower case, and the text's end closes it."""
    assert first_code_block(text) == CodeBlock(language, code)


@pytest.mark.parametrize("text", ["", "no block", "inline ``` is none", "```not `a` fence```", "``\nx\n``"])
def test_no_block(text: str) -> None:
    """Backticks inside a line open nothing."""
    assert first_code_block(text) is None


@pytest.mark.parametrize(
    ("language", "tool", "keys"),
    [("", "exec_python", {"code"}), ("py", "exec_python", {"code"}), ("python", "exec_python", {"code"})]
    + [(name, "exec_code", {"code", "language"}) for name in ("rust", "python3", "sh")],
)
def test_the_language_decides_the_tool(language: str, tool: str, keys: set[str]) -> None:
    """Only an empty, `py` or `python` language is Python; every other goes to `exec_code` with its name."""
    block = CodeBlock(language, "x")
    assert block.tool_name == tool
    arguments = json.loads(block.arguments_json())
    assert set(arguments) == keys
    assert arguments.get("language", language) == language


@PROPERTY
@given(st.text(st.characters(exclude_characters="`\r"), max_size=80))
def test_code_comes_out_as_it_went_in(code: str) -> None:
    """Whatever stands between the fences is the code, unchanged."""
    assert first_code_block(f"intro\n```python\n{code}\n```\nrest") == CodeBlock("python", code)
