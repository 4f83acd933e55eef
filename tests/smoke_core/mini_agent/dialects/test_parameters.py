"""The table of parameters: every row, from every dialect that has it towards every other."""

from __future__ import annotations

from typing import Any

import pytest

from mini_agent.core.errors import InvalidParameter, UnsupportedParameter
from mini_agent.dialects import PARAMETERS, Dialect, Parameter, translate_request
from mini_agent.dialects.parameters import Elsewhere, known
from support.dialect_requests import REQUESTS
from support.protocols import request_members

_SAMPLES: dict[type, Any] = {str: "flex", int: 7, float: 0.5, bool: True, dict: {"a": 1}, list: ["a"]}
#: Of which the gateway knows no value that all sides take as it is.
_VALUES = {"service_tier": "auto"}
ROWS = [
    (row, source, target)
    for row in PARAMETERS
    if not row.own
    for source in row.names
    for target in Dialect
    if target is not source
]
rows = pytest.mark.parametrize(
    ("row", "source", "target"), ROWS, ids=[f"{row.names[source]}-{source}-{target}" for row, source, target in ROWS]
)


def _value(name: str, row: Parameter) -> Any:
    return _VALUES.get(name, _SAMPLES[row.kinds[0]])


@rows
def test_each_parameter_is_carried_refused_or_dropped_by_its_row(
    row: Parameter, source: Dialect, target: Dialect
) -> None:
    """It has its name in the provider's body, or its name in the error, or its name among what was dropped."""
    name = row.names[source]
    body = {**REQUESTS["plain"](source), name: _value(name, row)}
    if target in row.names and name != "context_management":
        sent = translate_request(body, source, target)
        assert sent.body[row.names[target]] == _value(name, row)
        assert sent.dropped == ()
    elif row.elsewhere is Elsewhere.DROPPED:
        sent = translate_request(body, source, target)
        assert name in sent.dropped
        assert name not in sent.body
    else:
        with pytest.raises(UnsupportedParameter, match=f"'{name}' cannot be expressed in") as caught:
            translate_request(body, source, target)
        assert caught.value.param == name


@rows
def test_null_and_the_value_that_asks_for_nothing_are_never_refused(
    row: Parameter, source: Dialect, target: Dialect
) -> None:
    """A client that spells its defaults out is no worse off."""
    name = row.names[source]
    without = {key: value for key, value in REQUESTS["plain"](source).items() if key != name}
    values = [None, row.default] if row.asks_nothing(row.default) and target not in row.names else [None]
    for value in values:
        sent = translate_request({**without, name: value}, source, target)
        assert sent.body == translate_request(without, source, target).body
        assert sent.dropped == ()


@pytest.mark.parametrize(
    ("row", "dialect"),
    [(row, dialect) for row in PARAMETERS if not row.own and bool not in row.kinds for dialect in row.names],
    ids=lambda value: str(value) if isinstance(value, Dialect) else "-".join(value.names.values()),
)
def test_a_value_of_the_wrong_type_is_refused_by_name(row: Parameter, dialect: Dialect) -> None:
    """The caller learns which parameter is wrong, and what it should be."""
    name = row.names[dialect]
    with pytest.raises(InvalidParameter, match=f"Invalid type for '{name}': expected ") as caught:
        translate_request({**REQUESTS["plain"](dialect), name: True}, dialect, dialect)
    assert caught.value.param == name


@pytest.mark.parametrize("dialect", Dialect)
def test_every_published_parameter_has_a_row(dialect: Dialect) -> None:
    """What the vendors' own types name is never an unknown parameter here."""
    assert request_members(dialect) - known(dialect) == set()


@pytest.mark.parametrize("source", Dialect)
@pytest.mark.parametrize("target", Dialect)
def test_an_unknown_parameter_reaches_its_own_dialect_and_is_refused_by_another(
    source: Dialect, target: Dialect
) -> None:
    """`min_p` and `chat_template_kwargs` are some servers' own: those get them, others are not asked for them."""
    body = {**REQUESTS["plain"](source), "min_p": 0.1, "chat_template_kwargs": {"thinking": True}}
    if source is target:
        sent = translate_request(body, source, target)
        assert sent.body["min_p"] == 0.1
        assert sent.body["chat_template_kwargs"] == {"thinking": True}
        return
    with pytest.raises(UnsupportedParameter) as caught:
        translate_request(body, source, target)
    assert caught.value.param == "min_p"


def test_the_operator_opens_or_drops_what_no_row_knows() -> None:
    """`allowed_openai_params` lets a name pass as it is, `drop_params` drops it and says so."""
    body = {**REQUESTS["plain"](Dialect.CHAT), "min_p": 0.1, "seed": 5}
    allowed = frozenset({"min_p", "seed"})
    sent = translate_request(body, Dialect.CHAT, Dialect.MESSAGES, allowed=allowed)
    assert (sent.body["min_p"], sent.body["seed"]) == (0.1, 5)
    body.pop("seed")
    sent = translate_request(body, Dialect.CHAT, Dialect.MESSAGES, drop_unknown=True)
    assert sent.dropped == ("min_p",)
    assert "min_p" not in sent.body


def test_members_that_nobody_knows_inside_a_parameter_are_refused_too() -> None:
    """`output_config` and `text` have members of their own; a new one is not lost in silence."""
    body = {**REQUESTS["plain"](Dialect.MESSAGES), "output_config": {"effort": "low", "budget": 3}}
    assert translate_request(body, Dialect.MESSAGES, Dialect.MESSAGES).body["output_config"] == body["output_config"]
    with pytest.raises(UnsupportedParameter) as caught:
        translate_request(body, Dialect.MESSAGES, Dialect.CHAT)
    assert caught.value.param == "output_config.budget"


@pytest.mark.parametrize(
    ("source", "target", "tier", "sent"),
    [
        (Dialect.CHAT, Dialect.MESSAGES, "default", "standard_only"),
        (Dialect.MESSAGES, Dialect.RESPONSES, "standard_only", "default"),
        (Dialect.CHAT, Dialect.RESPONSES, "priority", "priority"),
        (Dialect.RESPONSES, Dialect.MESSAGES, "priority", None),
    ],
)
def test_a_service_tier_is_named_as_the_other_side_names_it(
    source: Dialect, target: Dialect, tier: str, sent: str | None
) -> None:
    """OpenAI's `default` is Anthropic's `standard_only`; a tier that only one side has is dropped, and named."""
    translated = translate_request({**REQUESTS["plain"](source), "service_tier": tier}, source, target)
    assert translated.body.get("service_tier") == sent
    assert translated.dropped == (() if sent else ("service_tier",))


def test_a_whole_number_may_be_written_with_a_point() -> None:
    """In JSON 77.0 is a whole number."""
    body = {**REQUESTS["plain"](Dialect.CHAT), "max_tokens": 77.0}
    assert translate_request(body, Dialect.CHAT, Dialect.MESSAGES).body["max_tokens"] == 77
