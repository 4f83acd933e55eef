"""Which parameter exists in which dialect, and what becomes of it elsewhere: one table for the code and for the docs.

A parameter that the table does not know reaches a provider of the caller's dialect as it is. Towards another dialect it
is refused by name, unless the operator opened it (`allowed_openai_params`) or asked for such ones to be dropped
(`litellm_settings.drop_params`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mini_agent.core.errors import UnsupportedParameter
from mini_agent.dialects.names import CONVERSATION, TITLES, Dialect
from mini_agent.dialects.reading import kind_error
from mini_agent.dialects.request import Request

_CHAT, _MESSAGES, _RESPONSES = Dialect.CHAT, Dialect.MESSAGES, Dialect.RESPONSES
_NUMBER = (int, float)
#: Longest id of an end user that OpenAI takes.
USER_CHARACTERS = 64
_MISSING: Any = object()


class Elsewhere(StrEnum):
    """What becomes of a parameter where the provider's dialect has no name for it."""

    REFUSED = "refused"
    DROPPED = "dropped"
    #: It is said in other words, which the note names.
    REWORDED = "reworded"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row.

    names: the parameter's name in each dialect that has it. elsewhere: what becomes of it in the others. kinds: the
    types of its value, empty where code of its own reads it (`own`). default: the value that asks for nothing, and so
    is never refused. note: the rule, for the docs. values: of one side of Anthropic's border in the words of the other;
    what has none there is dropped.
    """

    names: Mapping[Dialect, str]
    elsewhere: Elsewhere = Elsewhere.REFUSED
    kinds: tuple[type, ...] = ()
    default: Any = _MISSING
    note: str = ""
    values: Mapping[Any, Any] | None = None

    @property
    def own(self) -> bool:
        """Returns: whether code of its own reads and writes it."""
        return not self.kinds

    def asks_nothing(self, value: Any) -> bool:
        """Returns: whether a value is the protocol's own default, which no provider needs."""
        return self.default is not _MISSING and bool(value == self.default)


def _row(
    chat: str = "",
    messages: str = "",
    responses: str = "",
    elsewhere: Elsewhere = Elsewhere.REFUSED,
    kinds: tuple[type, ...] = (),
    default: Any = _MISSING,
    note: str = "",
    values: Mapping[Any, Any] | None = None,
) -> Parameter:
    names = {_CHAT: chat, _MESSAGES: messages, _RESPONSES: responses}
    return Parameter(
        {dialect: name for dialect, name in names.items() if name}, elsewhere, kinds, default, note, values
    )


_DROPPED, _REWORDED = Elsewhere.DROPPED, Elsewhere.REWORDED
_ANY = (str, int, float, bool, dict, list)

#: Every parameter that a rule exists for. The first ones are read by code of their own.
PARAMETERS: tuple[Parameter, ...] = (
    _row("model", "model", "model"),
    _row("messages", "messages", "input"),
    _row("", "system", "instructions", _REWORDED, note="in chat a first message of role `system`"),
    _row("tools", "tools", "tools", note="see tools"),
    _row("tool_choice", "tool_choice", "tool_choice", note="a list of allowed tools shortens `tools` in Messages"),
    _row(
        "parallel_tool_calls",
        "",
        "parallel_tool_calls",
        _REWORDED,
        note="in Messages the opposite of `tool_choice.disable_parallel_tool_use`",
    ),
    _row("response_format", "output_config.format", "text.format", note="`json_object` is refused towards Messages"),
    _row("", "output_format", "", _REWORDED, note="an older name of `output_config.format`"),
    _row("reasoning_effort", "output_config.effort", "reasoning.effort", note="see reasoning"),
    _row("", "", "reasoning.summary", _REWORDED, note="in Messages `thinking.display`; dropped towards chat"),
    _row("thinking", "thinking", "", _DROPPED, note="dropped towards chat, too, by callers of Messages"),
    _row("verbosity", "", "text.verbosity", _DROPPED),
    _row("stop", "stop_sequences"),
    _row("user", "metadata.user_id", "user", note="an id of more than 64 characters is dropped towards OpenAI's"),
    _row(
        "safety_identifier",
        "",
        "safety_identifier",
        _REWORDED,
        note="in Messages `metadata.user_id`, unless `user` is given",
    ),
    _row(
        "logprobs",
        "",
        "",
        _REWORDED,
        note="in Responses `include` with `message.output_text.logprobs`; refused towards Messages",
    ),
    _row("stream", "stream", "stream"),
    _row("stream_options", "", "stream_options", _DROPPED, note="towards chat the gateway's own: usage is asked for"),
    _row("max_tokens", "", "", _REWORDED, note="an older name of `max_completion_tokens`"),
    # Values that are carried as they are.
    _row(
        "max_completion_tokens", "max_tokens", "max_output_tokens", kinds=(int,), note="8192 where Messages needs one"
    ),
    _row("temperature", "temperature", "temperature", kinds=_NUMBER),
    _row("top_p", "top_p", "top_p", kinds=_NUMBER),
    _row("", "top_k", kinds=(int,)),
    _row("top_logprobs", "", "top_logprobs", kinds=(int,), default=0),
    _row("metadata", "", "metadata", _DROPPED, (dict,), note="that of Messages holds a user id only"),
    _row(
        "service_tier",
        "service_tier",
        "service_tier",
        _DROPPED,
        (str,),
        note="`default` is `standard_only` in Messages; tiers that only one side has are dropped",
        values={"auto": "auto", "default": "standard_only", "standard_only": "default"},
    ),
    _row("store", "", "store", _DROPPED, (bool,), note="towards Responses false unless asked for"),
    _row("prompt_cache_key", "", "prompt_cache_key", _DROPPED, (str,)),
    _row("prompt_cache_retention", "", "prompt_cache_retention", _DROPPED, (str,)),
    _row("prompt_cache_options", "", "prompt_cache_options", _DROPPED, (dict,)),
    _row("moderation", "", "moderation", kinds=(dict,)),
    _row("frequency_penalty", kinds=_NUMBER, default=0),
    _row("presence_penalty", kinds=_NUMBER, default=0),
    _row("logit_bias", kinds=(dict,), default={}),
    _row("n", kinds=(int,), default=1),
    _row("seed", kinds=(int,)),
    _row("modalities", kinds=(list,), default=["text"]),
    _row("audio", kinds=(dict,)),
    _row("prediction", "", "", _DROPPED, (dict,), note="makes an answer faster, not different"),
    _row("web_search_options", kinds=(dict,)),
    _row("functions", kinds=(list,), default=[], note="older than `tools`"),
    _row("function_call", kinds=(str, dict), default="auto", note="older than `tool_choice`"),
    _row("", "cache_control", "", _DROPPED, (dict,), note="OpenAI's providers cache by themselves"),
    _row("", "context_management", "context_management", _DROPPED, _ANY, note="between these two as well"),
    _row("", "diagnostics", "", _DROPPED, (dict,)),
    _row("", "speed", "", _DROPPED, (str,)),
    _row("", "container", kinds=(str, dict)),
    _row("", "inference_geo", kinds=(str,)),
    _row("", "mcp_servers", kinds=(list,), default=[]),
    _row("", "thread", kinds=(dict,), note="between equals, too: the SDK then sends the whole conversation"),
    _row("", "user_profile_id", kinds=(str,)),
    _row("", "workspace_id", kinds=(str,)),
    _row("", "", "include", _DROPPED, (list,), note="except log-probabilities; thoughts are always kept"),
    _row("", "", "background", kinds=(bool,), default=False),
    _row("", "", "conversation", kinds=(str, dict), note="between equals, too, unless opened: it is one of all users"),
    _row("", "", "previous_response_id", kinds=(str,), note="the gateway's own ids are resolved before"),
    _row("", "", "prompt", kinds=(dict,)),
    _row("", "", "max_tool_calls", kinds=(int,)),
    _row("", "", "truncation", kinds=(str,), default="disabled"),
    _row("", "", "client_metadata", _DROPPED, (dict,)),
)


def _by_name() -> dict[Dialect, dict[str, Parameter]]:
    found: dict[Dialect, dict[str, Parameter]] = {dialect: {} for dialect in Dialect}
    for row in PARAMETERS:
        for dialect, name in row.names.items():
            found[dialect].setdefault(name.partition(".")[0], row)
    return found


_BY_NAME = _by_name()
#: Rows whose value means something else in another dialect: it is written by code of its own, or not at all.
_NOT_CARRIED = frozenset({"context_management"})


def parameter_of(dialect: Dialect, name: str) -> Parameter | None:
    """Returns: the row of a top-level parameter, None without one."""
    return _BY_NAME[dialect].get(name)


def known(dialect: Dialect) -> frozenset[str]:
    """Returns: the top-level parameters of a dialect that a rule exists for."""
    return frozenset(_BY_NAME[dialect])


def split_settings(body: Mapping[str, Any], dialect: Dialect) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort the parameters of a body that no code of its own reads; null counts as absent.

    Returns: the values of those that the table knows and of those that it does not, by the caller's names.
    Raises: InvalidParameter for a value of the wrong type.
    """
    settings: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    rows = _BY_NAME[dialect]
    for name, value in body.items():
        row = rows.get(name)
        if row is None:
            extra[name] = value
        elif row.kinds and value is not None:
            settings[name] = _checked(name, value, row.kinds)
    return settings, extra


def leftovers(name: str, value: Mapping[str, Any], read: Container[str]) -> dict[str, Any]:
    """Returns: the members of a parameter that are not read, by dotted names, as unknown parameters."""
    return {f"{name}.{key}": item for key, item in value.items() if key not in read}


def _checked(name: str, value: Any, kinds: tuple[type, ...]) -> Any:
    # In JSON 3.0 is a whole number.
    if isinstance(value, float) and float not in kinds and int in kinds and value.is_integer():
        return int(value)
    # bool is an int in Python, never in JSON.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise kind_error(name, kinds)
    return value


#: What is dropped besides whole parameters, and the rule. A member of a turn, a part or a tool that another dialect
#: cannot say (`members.MEMBERS`) is named as `messages.name` or `tools.defer_loading`.
DROPS: Mapping[str, str] = {
    "cache_control": "a mark of Anthropic's on a part or a tool, towards OpenAI's: their providers cache by themselves",
    "context": "what a caller says about a document, towards OpenAI's",
    "detail": "the request for an image's resolution, towards Messages",
    "metadata.user_id": f"an id of an end user above {USER_CHARACTERS} characters, towards OpenAI's",
    "reasoning": "a thought that this provider did not sign: it means nothing to it",
    "tools.<type>": "a tool that only a provider of the caller's dialect runs, beside tools that the caller runs",
}


class Losses:
    """What a request loses on its way into another dialect. source, target: the caller's and the provider's.

    drop_unknown: whether parameters without a rule are dropped instead of refused. allowed: those that pass as they
    are, because the operator knows that the provider takes them. given: those that the operator sets for everybody.
    """

    def __init__(
        self,
        source: Dialect,
        target: Dialect,
        *,
        drop_unknown: bool = False,
        allowed: frozenset[str] = frozenset(),
        given: frozenset[str] = frozenset(),
    ) -> None:
        self.source = source
        self.target = target
        self.drop_unknown = drop_unknown
        self.allowed = allowed
        self.given = given
        self._dropped: dict[str, None] = {}

    @property
    def dropped(self) -> tuple[str, ...]:
        """Returns: the names of what was dropped by a rule, in the caller's words."""
        return tuple(self._dropped)

    @property
    def conversation(self) -> str:
        """Returns: the caller's name of the parameter that holds the conversation."""
        return CONVERSATION[self.source]

    def drop(self, name: str) -> None:
        """Note that a rule dropped something."""
        self._dropped[name] = None

    def refuse(self, name: str, what: str = "") -> UnsupportedParameter:
        """Returns: the error that refuses a parameter. what: the part of it that is meant, for people."""
        subject = f"'{name}'" + (f" ({what})" if what else "")
        return UnsupportedParameter(f"{subject} cannot be expressed in {TITLES[self.target]}", param=name)


def write_settings(request: Request, losses: Losses) -> dict[str, Any]:
    """Returns: the settings and unknown parameters of a request in the names of the provider's dialect.

    Raises: UnsupportedParameter for one that it cannot express.
    """
    body: dict[str, Any] = {}
    for name, value in request.settings.items():
        _write_setting(body, name, value, losses)
    same = losses.source is losses.target
    for name, value in request.extra.items():
        if same or name in losses.allowed:
            _put(body, name, value)
        elif value is None:
            continue
        elif losses.drop_unknown:
            losses.drop(name)
        else:
            raise losses.refuse(name)
    return body


def write_end_user(body: dict[str, Any], request: Request, losses: Losses) -> None:
    """Write the ids of the end user for one of OpenAI's dialects."""
    if request.user is not None and request.dialect is _MESSAGES and len(request.user) > USER_CHARACTERS:
        losses.drop("metadata.user_id")
    elif request.user is not None:
        body["user"] = request.user
    if request.safety_identifier is not None:
        body["safety_identifier"] = request.safety_identifier


def _write_setting(body: dict[str, Any], name: str, value: Any, losses: Losses) -> None:
    row = _BY_NAME[losses.source][name]
    target = row.names.get(losses.target)
    if losses.source is not losses.target:
        if name in _NOT_CARRIED:
            target = None
        elif row.values is not None and Dialect.MESSAGES in (losses.source, losses.target):
            value = row.values.get(value)
            target = None if value is None else target
    if target is not None:
        body[target] = value
    elif row.asks_nothing(value):
        return
    elif name in losses.allowed:
        body[name] = value
    elif row.elsewhere is Elsewhere.DROPPED:
        losses.drop(name)
    else:
        raise losses.refuse(name)


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    """Set a member; a dotted name is one of a member's own."""
    top, _, rest = name.partition(".")
    body[top] = {**body.get(top, {}), rest: value} if rest else value
