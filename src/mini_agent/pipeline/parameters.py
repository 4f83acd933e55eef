"""Validation of parameters, and which of them reach the provider (GATEWAY 4.4 and 7.3)."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from mini_agent.core.chat import ModelTarget
from mini_agent.core.errors import InvalidParameter, MissingParameter, UnsupportedThread
from mini_agent.core.steering import NEVER_ALLOWED, cleaned, held_orders_only, may_hide, parameter_steers
from mini_agent.dialects import Dialect
from mini_agent.dialects.names import CONVERSATION
from mini_agent.dialects.openai_chat.shape import check_messages
from mini_agent.dialects.parameters import known
from mini_agent.dialects.reading import TYPE_NAMES, kind_error
from mini_agent.upstreams.clients import with_defaults

_NUMBER = (int, float)
CHAT_FIELDS: Mapping[str, tuple[type, ...]] = {
    "model": (str,),
    "messages": (list,),
    "audio": (dict,),
    "frequency_penalty": _NUMBER,
    "function_call": (str, dict),
    "functions": (list,),
    "logit_bias": (dict,),
    "logprobs": (bool,),
    "max_completion_tokens": (int,),
    "max_tokens": (int,),
    "metadata": (dict,),
    "modalities": (list,),
    "n": (int,),
    "parallel_tool_calls": (bool,),
    "prediction": (dict,),
    "presence_penalty": _NUMBER,
    "reasoning_effort": (str,),
    "response_format": (dict,),
    "seed": (int,),
    "service_tier": (str,),
    "stop": (str, list),
    "store": (bool,),
    "stream": (bool,),
    "stream_options": (dict,),
    "temperature": _NUMBER,
    "thinking": (dict,),
    "tool_choice": (str, dict),
    "tools": (list,),
    "top_logprobs": (int,),
    "top_p": _NUMBER,
    "user": (str,),
    "verbosity": (str,),
    "web_search_options": (dict,),
}
#: Body fields that clients may set (GATEWAY 7.3).
CLIENT_PARAMETERS = frozenset(CHAT_FIELDS)
_REQUIRED = ("model", "messages")
#: What a Responses request may bring instead of new input.
_INSTEAD_OF_INPUT = ("previous_response_id", "prompt")
ITEM_TYPES: Mapping[str, type] = {"tools": dict, "functions": dict, "stop": str, "modalities": str}


@dataclass(frozen=True, slots=True)
class ModelBody:
    """A validated request. fields: the body as the client sent it."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    dialect: Dialect = Dialect.CHAT


def parse_body(body: Mapping[str, Any], dialect: Dialect) -> ModelBody:
    """Check a decoded body. What only a provider of its dialect must understand is left to that.

    Returns: the request. Raises: MissingParameter, InvalidParameter, UnsupportedThread; all name the parameter.
    """
    if dialect is Dialect.CHAT:
        return _parse_chat(body)
    conversation = CONVERSATION[dialect]
    given = body.get(conversation)
    continues = dialect is Dialect.RESPONSES and any(body.get(name) for name in _INSTEAD_OF_INPUT)
    for name, value in (("model", body.get("model")), (conversation, given or continues)):
        if value is None or value in ("", [], False):
            raise MissingParameter(f"Missing required parameter: '{name}'", param=name)
    # A provider would hold it under the gateway's key, whoever the user is, and let nothing be added to it later.
    if dialect is Dialect.MESSAGES and body.get("thread") is not None:
        raise UnsupportedThread("'thread' is not supported: send the whole conversation each time", param="thread")
    model, stream = body["model"], body.get("stream")
    if not isinstance(model, str):
        raise kind_error("model", (str,))
    if stream is not None and not isinstance(stream, bool):
        raise kind_error("stream", (bool,))
    if isinstance(given, list):
        for index, turn in enumerate(given):
            if not isinstance(turn, dict):
                raise kind_error(f"{conversation}[{index}]", (dict,))
    elif not (given is None or (isinstance(given, str) and dialect is Dialect.RESPONSES)):
        raise kind_error(conversation, (list,))
    return ModelBody(model=model, stream=stream is True, fields=body, dialect=dialect)


def _parse_chat(body: Mapping[str, Any]) -> ModelBody:
    for name in _REQUIRED:
        if body.get(name) in (None, "", []):
            raise MissingParameter(f"Missing required parameter: '{name}'", param=name)
    check_types(body, CHAT_FIELDS)
    check_messages(body["messages"])
    return ModelBody(model=body["model"], stream=body.get("stream") is True, fields=body)


def check_types(body: Mapping[str, Any], fields: Mapping[str, tuple[type, ...]]) -> None:
    """See that the known fields of a body are of their types. Raises: InvalidParameter, which names the field."""
    for name, value in body.items():
        if name not in fields or value is None:
            continue
        # Exact types: bool is an int in Python, never in JSON.
        kinds, kind = fields[name], type(value)
        # In JSON 3.0 is a whole number.
        if kind not in kinds and not (kind is float and int in kinds and value.is_integer()):
            raise kind_error(name, kinds)
        if kind is list and name in ITEM_TYPES:
            item = ITEM_TYPES[name]
            if not all(type(part) is item for part in value):
                text = f"Invalid type for '{name}': expected an array of {TYPE_NAMES[item]}s"
                raise InvalidParameter(text, param=name)


@dataclass(frozen=True, slots=True)
class Rules:
    """What callers of a dialect may set for a target, found out once.

    names: the known ones. plain: those that pass without another look. passes_unknown: whether the target's client
    passes on parameters that nobody here knows.
    """

    target: ModelTarget
    dialect: Dialect
    passes_unknown: bool
    names: Set[str]
    plain: frozenset[str]

    @classmethod
    def of(cls, target: ModelTarget, dialect: Dialect, *, passes_unknown: bool, names: Set[str] | None = None) -> Rules:
        """Returns: the rules of a target. names: None for the dialect's own parameters."""
        if names is None:
            names = CLIENT_PARAMETERS if dialect is Dialect.CHAT else known(dialect)
        plain = {name for name in names if not may_hide(name)} - _kept_back(target, dialect)
        return cls(target, dialect, passes_unknown, names, frozenset(plain | {"model"}))


def outgoing_body(fields: Mapping[str, Any], rules: Rules) -> tuple[dict[str, Any], list[str]]:
    """Merge configured defaults with what the client may set; client values win.

    fields: the body as the client sent it.
    Returns: the body in the client's dialect without `model`, and the names that were dropped.
    """
    body, plain = with_defaults(rules.target, {}, rules.dialect), rules.plain
    dropped = []
    for name, value in fields.items():
        if name in plain:
            body[name] = value
            continue
        if _may_pass(name, rules):
            # What an operator has opened may be a container: inside of it steering names stay forbidden.
            kept = cleaned(name, value)
            if kept or not held_orders_only(name, value):
                body[name] = kept
                continue
        dropped.append(name)
    del body["model"]
    return body, dropped


def _kept_back(target: ModelTarget, dialect: Dialect) -> frozenset[str]:
    """Returns: what the operator keeps from the target, in the caller's words; a translation sees to it itself."""
    return target.dropped if dialect == target.dialect else frozenset()


def _may_pass(name: str, rules: Rules) -> bool:
    """Returns: whether a client may set a parameter: the dialect's own, and others where nobody is steered by them.

    A translation refuses by name what no rule knows, and keeps back itself what the operator drops.
    """
    if name in _kept_back(rules.target, rules.dialect):
        return False
    if name in rules.names:
        return True
    if name in rules.target.allowed:
        return name not in NEVER_ALLOWED
    return rules.passes_unknown and not parameter_steers(name)
