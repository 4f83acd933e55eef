"""The execution tools: their specs, what a call of them asks for, and how a finished process is reported.

Shared by the local and the docker backend, which differ only in where the process runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mini_agent.agent.tool_values import (
    EXEC_CODE,
    EXEC_PYTHON,
    EXEC_SHELL,
    INVALID_ARGUMENTS,
    function_spec,
    is_python_alias,
    wants_python,
)
from mini_agent.tools.local.process import ProcessResult
from mini_agent.tools.protocol import failed, succeeded

_ERROR_PREVIEW = 200


@dataclass(frozen=True, slots=True)
class PythonJob:
    """Run Python. code: the program text."""

    code: str

    @property
    def program(self) -> bytes:
        """Returns: the text as a file has it; what is no character is something for the interpreter to refuse."""
        return self.code.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class ShellJob:
    """Run a command. argv: not empty, its first entry is on the allow-list."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Run nothing. error: the reason."""

    error: str


def exec_specs() -> list[dict[str, Any]]:
    """Returns: the specs of `exec_python`, `exec_code` and `exec_shell`."""
    text = {"type": "string"}
    return [
        function_spec(EXEC_PYTHON, "Run a Python program and return its output.", {"code": text}, ["code"]),
        function_spec(
            EXEC_CODE, "Run a program in a language.", {"language": text, "code": text}, ["language", "code"]
        ),
        function_spec(EXEC_SHELL, "Run one allowed command, without a shell.", {"cmd": text}, ["cmd"]),
    ]


def is_exec_tool(name: str, arguments: Mapping[str, Any] | None) -> bool:
    """Returns: True when a call is one of the execution tools, an alias of `exec_python` included."""
    return name.lower() in (EXEC_PYTHON, EXEC_CODE, EXEC_SHELL) or is_python_alias(name, arguments)


def read_job(
    name: str, arguments: Mapping[str, Any] | None, shell_allow: Collection[str], where: str = ""
) -> PythonJob | ShellJob | Refusal:
    """Decide what a call of an execution tool runs.

    name: any casing, aliases included. arguments: None when unreadable. shell_allow: exact argv[0] values.
    where: appended to the text of a shell refusal.

    Returns: the job, or the reason why nothing runs.
    """
    if arguments is None:
        return Refusal(INVALID_ARGUMENTS)
    if name.lower() == EXEC_SHELL:
        return _shell_job(arguments, shell_allow, where)
    if name.lower() == EXEC_CODE and not wants_python(arguments):
        return Refusal(f"unsupported language: {arguments.get('language')}")
    code = arguments.get("code", arguments.get("source"))
    return PythonJob(code) if isinstance(code, str) else Refusal("missing string 'code'")


def _shell_job(arguments: Mapping[str, Any], shell_allow: Collection[str], where: str) -> ShellJob | Refusal:
    command = arguments.get("cmd")
    if not isinstance(command, str):
        return Refusal("missing string 'cmd'")
    try:
        argv = tuple(shlex.split(command))
    except ValueError as error:
        return Refusal(f"invalid cmd: {error}")
    if not argv or argv[0] not in shell_allow:
        return Refusal(f"cmd prefix not allowed{where}")
    if any("\0" in word for word in argv):
        return Refusal("invalid cmd: null character")
    return ShellJob(argv)


def report(name: str, result: ProcessResult, timeout_s: float) -> dict[str, Any]:
    """Returns: the record of a process that ran."""
    fields: dict[str, Any] = {
        "rc": result.rc,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "t_ms": result.t_ms,
        "truncated": result.truncated,
    }
    if result.timed_out:
        return failed(name, f"timeout after {timeout_s:g}s", **fields)
    if result.rc == 0:
        return succeeded(name, **fields)
    return failed(name, f"rc={result.rc}: {(result.stderr or result.stdout)[:_ERROR_PREVIEW]}", **fields)
