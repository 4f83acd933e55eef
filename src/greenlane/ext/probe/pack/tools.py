"""Tool calls: forced, parallel, streamed, with results, and with bad arguments."""

from __future__ import annotations

import json
from typing import Any

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need, one_of
from greenlane.ext.probe.pack.sources import CHAT, MESSAGES_STREAM, RESPONSES, TOOLS
from greenlane.ext.probe.speech.protocol import dict_of, list_of
from greenlane.ext.probe.values import AGENT, SHOULD, Answer, Asked, Call, Dialect, Question, Result, Said, Tool, check

CITIES = ("Paris", "Rome", "Oslo", "Lima", "Cairo", "Delhi", "Quito", "Bern")
WEATHER = Tool(
    "get_weather",
    "Return the weather of one city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "name of the city"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
TIME = Tool(
    "get_time",
    "Return the local time of one city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
)
TOOLS_OFFERED = (WEATHER, TIME)
ROOM = 128

_LOOP = "the agent stops or goes round in circles: LangChain, CrewAI, Cline, Claude Code, Codex"
_RUN = "the call cannot be run: json.loads raises, or the wrong tool runs: every agent"


def _cities(case: Case, count: int = 1) -> list[str]:
    return case.random.sample(CITIES, count)


def _weather(city: str, choice: str, **more: Any) -> Question:
    turns = (Said("user", f"Use the tool: what is the weather in {city}?"),)
    return Question(turns=turns, tools=TOOLS_OFFERED, choice=choice, max_tokens=ROOM, **more)


def arguments_of(call: Call) -> dict[str, Any]:
    """Claim that a call can be run, and return its arguments."""
    need(call.id, f"the call of {call.name!r} has no id")
    need(call.name in {tool.name for tool in TOOLS_OFFERED}, f"a tool is called that was not offered: {call.name!r}")
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        arguments = None
    need(isinstance(arguments, dict), f"the arguments of {call.name} are no JSON object: {call.arguments[:80]!r}")
    city = arguments.get("city")
    need(isinstance(city, str) and city, f"the arguments of {call.name} lack `city`: {call.arguments[:80]!r}")
    return dict(arguments)


def _one_call(answer: Answer, name: str = "") -> Call:
    need(answer.calls, f"no tool is called: {answer.text[:80]!r}")
    call = answer.calls[0]
    arguments_of(call)
    need(not name or call.name == name, f"{call.name} is called, {name} was demanded")
    return call


@check("tools.forced", TOOLS, "Forced tool: call exactly one specific function.", _RUN, profile=AGENT)
def forced(case: Case) -> None:
    """A tool that is named must be called."""
    city = _cities(case)[0]
    tool = case.random.choice(TOOLS_OFFERED).name
    answer = case.ask(_weather(city, tool))
    _one_call(answer, tool)
    # OpenAI says `stop` where a function is forced by name.
    one_of(answer.ended, ("tools", "stop"), "the reason of the end of a forced call")


@check(
    "tools.required", TOOLS,
    "Required: call one or more functions; finish_reason is tool_calls if the model called a tool.", _LOOP,
    profile=AGENT,
)  # fmt: skip
def required(case: Case) -> None:
    """Where some tool is required, one is called, and the reason says so."""
    answer = case.ask(_weather(_cities(case)[0], "required"))
    _one_call(answer)
    one_of(answer.ended, ("tools",), "the reason of the end of an answer with calls")


@check(
    "tools.none", CHAT, "none means the model will not call any tool and instead generates a message.",
    "a tool runs that must not: every agent", profile=AGENT,
)  # fmt: skip
def none(case: Case) -> None:
    """Where no tool may be called, none is."""
    answer = case.ask(_weather(_cities(case)[0], "none"))
    need(not answer.calls, f"{answer.calls[0].name if answer.calls else ''} is called although no tool may be")


@check(
    "tools.form", TOOLS, "type is function; arguments: The arguments to call the function with, in JSON format.", _RUN,
    profile=AGENT,
)  # fmt: skip
def form(case: Case) -> None:
    """The raw form of a call is that of the dialect: text of JSON, or an object."""
    raw = case.ask(_weather(_cities(case)[0], "required")).raw
    if case.dialect is Dialect.CHAT:
        message = dict_of(dict_of(list_of(raw.get("choices"))[0]).get("message"))
        need(message.get("role") == "assistant", f"the role of a message with calls is {message.get('role')!r}")
        for call in map(dict_of, list_of(message.get("tool_calls"))):
            need(call.get("type") == "function", f"`type` of a call is {call.get('type')!r}, not 'function'")
            arguments = dict_of(call.get("function")).get("arguments")
            need(isinstance(arguments, str), f"`arguments` is {arguments!r:.60}, not text")
    elif case.dialect is Dialect.MESSAGES:
        for block in (b for b in list_of(raw.get("content")) if b.get("type") == "tool_use"):
            need(isinstance(block.get("input"), dict), f"`input` is {block.get('input')!r:.60}, not an object")
    else:
        for item in (i for i in list_of(raw.get("output")) if i.get("type") == "function_call"):
            need(isinstance(item.get("arguments"), str), f"`arguments` is {item.get('arguments')!r:.60}, not text")
            need(item.get("id"), "a function_call has no `id` beside its `call_id`")
            need(item.get("status") == "completed", f"`status` of a function_call is {item.get('status')!r}")


@check(
    "tools.values", TOOLS, "The model generates the arguments from the conversation.", _RUN, profile=AGENT,
    severity=SHOULD, sampled=True,
)  # fmt: skip
def values(case: Case) -> None:
    """The call has the values of the question."""
    city = _cities(case)[0]
    found = arguments_of(_one_call(case.ask(_weather(city, WEATHER.name))))["city"]
    need(city.lower() in found.lower(), f"`city` is {found!r}, the question is about {city}")


def _two(case: Case) -> tuple[Question, list[str]]:
    cities = _cities(case, 2)
    text = f"Use the tool twice, at once: what is the weather in {cities[0]} and what is the weather in {cities[1]}?"
    return Question(turns=(Said("user", text),), tools=(WEATHER,), choice="required", max_tokens=ROOM), cities


def _both(answer: Answer, cities: list[str]) -> None:
    need(len(answer.calls) == 2, f"{len(answer.calls)} calls for two cities")
    need(answer.calls[0].id != answer.calls[1].id, f"two calls have one id: {answer.calls[0].id!r}")
    found = sorted(arguments_of(call)["city"].lower() for call in answer.calls)
    need(found == sorted(city.lower() for city in cities), f"the calls are about {found}, not {cities}")


@check(
    "tools.parallel", TOOLS, "The model may choose to call multiple functions in a single turn.",
    "tasks are done one after the other, or two results go to one call: LangGraph, the Agents SDK", profile=AGENT,
    severity=SHOULD, sampled=True,
)  # fmt: skip
def parallel(case: Case) -> None:
    """Two calls come in one answer, each with an id and arguments of its own."""
    question, cities = _two(case)
    _both(case.ask(question), cities)


@check(
    "tools.parallel_stream", TOOLS, "index: Which function call the delta is for.", _RUN, profile=AGENT,
    severity=SHOULD, sampled=True,
)  # fmt: skip
def parallel_streamed(case: Case) -> None:
    """Two calls come in one stream, and their pieces are not mixed up."""
    question, cities = _two(case)
    _both(case.streamed(question), cities)


@check(
    "tools.stream", TOOLS, "Streaming function calls: aggregate the arguments' deltas into an encoded JSON object.",
    _RUN, profile=AGENT,
)  # fmt: skip
def streamed(case: Case) -> None:
    """A streamed call is whole when its pieces are joined, and the reason says that tools are called."""
    tool = case.random.choice(TOOLS_OFFERED).name
    answer = case.streamed(_weather(_cities(case)[0], "required" if tool == TIME.name else tool))
    _one_call(answer)
    one_of(answer.ended, ("tools", "stop"), "the reason of the end of a stream with calls")


@check("tools.stream_reason", TOOLS, "finish_reason: tool_calls if the model called a tool.", _LOOP, profile=AGENT)
def streamed_reason(case: Case) -> None:
    """A stream with calls that were not forced by name ends for the reason that tools are called."""
    answer = case.streamed(_weather(_cities(case)[0], "required"))
    need(answer.calls, "no tool is called")
    one_of(answer.ended, ("tools",), "the reason of the end of a stream with calls")


@check(
    "tools.stream_form", MESSAGES_STREAM,
    "The first piece has id and name; the deltas of the input are partial JSON strings.", _RUN, profile=AGENT,
)  # fmt: skip
def streamed_form(case: Case) -> None:
    """The first piece of a call has its id and its name; later ones repeat neither."""
    events = case.stream(_weather(_cities(case)[0], "required")).events
    data = [event.data for event in events if isinstance(event.data, dict)]
    if case.dialect is Dialect.CHAT:
        deltas = [dict_of(dict_of(c).get("delta")) for d in data for c in list_of(d.get("choices"))]
        _chat_pieces([dict_of(piece) for delta in deltas for piece in list_of(delta.get("tool_calls"))])
    elif case.dialect is Dialect.MESSAGES:
        blocks = [dict_of(d.get("content_block")) for d in data if d.get("type") == "content_block_start"]
        used = [block for block in blocks if block.get("type") == "tool_use"]
        need(used, "no block of type tool_use begins")
        need(used[0].get("input") == {}, f"a tool_use begins with input {used[0].get('input')!r}; it comes by deltas")
        kinds = {dict_of(d.get("delta")).get("type") for d in data if d.get("type") == "content_block_delta"}
        need("input_json_delta" in kinds, f"no delta is of type input_json_delta, but {sorted(map(str, kinds))}")
    else:
        done = [d for d in data if d.get("type") == "response.function_call_arguments.done"]
        need(done, "response.function_call_arguments.done is missing")
        pieces = [d for d in data if d.get("type") == "response.function_call_arguments.delta"]
        index = done[0].get("output_index")
        joined = "".join(d["delta"] for d in pieces if d.get("output_index") == index)
        need(joined == done[0].get("arguments"), "the deltas of the arguments are not what is done")


def _chat_pieces(pieces: list[dict[str, Any]]) -> None:
    """Claim that pieces of calls can be joined by their index."""
    need(pieces, "no delta has `tool_calls`")
    known: set[object] = set()
    for piece in pieces:
        index = piece.get("index")
        need(isinstance(index, int), f"`index` of a piece of a call is {index!r}: it cannot be joined")
        function = dict_of(piece.get("function"))
        if index not in known:
            need(index == len(known), f"call {len(known)} begins with index {index!r}")
            need(piece.get("id") and function.get("name"), "the first piece of a call has no id or no name")
            known.add(index)
        else:
            need(not function.get("name"), "a later piece of a call repeats its name: clients append it")


def _talk(case: Case, count: int = 1) -> tuple[Question, list[str]]:
    """Return a conversation in which tools have answered, and what they said."""
    cities, signs = _cities(case, count), [case.word() for _ in range(count)]
    ids = [f"call_{case.word(9)}" for _ in range(count)]
    calls = tuple(Call(i, WEATHER.name, json.dumps({"city": c})) for i, c in zip(ids, cities, strict=True))
    results = [Result(i, f"In {c} the sky is {s}.") for i, c, s in zip(ids, cities, signs, strict=True)]
    # The order of results is free: they are told apart by id.
    case.random.shuffle(results)
    said = Said("user", f"What is the weather in {' and '.join(cities)}? Repeat what the tool says.")
    return Question(turns=(said, Asked(calls), *results), tools=TOOLS_OFFERED, max_tokens=ROOM), signs


@check(
    "tools.result", TOOLS, "Supply the model with the results of the function calls and let it go on.", _LOOP,
    profile=AGENT,
)  # fmt: skip
def result(case: Case) -> None:
    """After a tool has answered, the conversation goes on."""
    question, _ = _talk(case)
    answer = case.ask(question)
    need(answer.text.strip() or answer.calls, "after a tool's result the answer is empty")


@check("tools.results", TOOLS, "A result for each call, associated by its call id.", _LOOP, profile=AGENT)
def results(case: Case) -> None:
    """Results of several calls in one turn are taken."""
    question, _ = _talk(case, 2)
    answer = case.ask(question)
    need(answer.text.strip() or answer.calls, "after two results the answer is empty")


@check(
    "tools.used", TOOLS, "The model uses the results in its final response.", _LOOP, profile=AGENT, severity=SHOULD,
    sampled=True,
)  # fmt: skip
def used(case: Case) -> None:
    """The answer uses what the tools said, each to its own call."""
    question, signs = _talk(case, 2)
    text = case.ask(question).text
    for sign in signs:
        need(sign in text, f"the tool said {sign!r}, the answer {text[:80]!r}")


@check(
    "tools.counted", TOOLS, "The result of the function is appended to the conversation.", _LOOP, profile=AGENT,
    calls=2,
)  # fmt: skip
def counted(case: Case) -> None:
    """What a tool said is read: it costs tokens."""
    question, _ = _talk(case)
    *before, last = question.turns
    assert isinstance(last, Result)
    longer = Result(last.id, f"{last.text} {' '.join(case.word() for _ in range(40))}")
    short = case.ask(question).usage
    long = case.ask(Question(turns=(*before, longer), tools=question.tools, max_tokens=ROOM)).usage
    need(
        short and long and (long.prompt or 0) >= (short.prompt or 0) + 20,
        "a result that is 40 words longer costs no more tokens: results are dropped",
    )


@check(
    "tools.offered", TOOLS,
    "Functions are injected into the system message: they count against the context and are billed.", _LOOP,
    profile=AGENT, calls=2, severity=SHOULD,
)  # fmt: skip
def offered(case: Case) -> None:
    """Definitions of tools are read: they cost tokens."""
    said = (Said("user", "Say hello."),)
    without = case.ask(Question(turns=said)).usage
    offered_cost = case.ask(Question(turns=said, tools=TOOLS_OFFERED, choice="auto", max_tokens=ROOM)).usage
    need(
        without and offered_cost and (offered_cost.prompt or 0) > (without.prompt or 0) + 10,
        "a prompt with tools costs no more tokens: their definitions are dropped",
    )


@check(
    "tools.bad_arguments", RESPONSES, "The model does not always generate valid JSON; 400: Your request was malformed.",
    "one bad call of a model ends the session with a server error: Cline, Claude Code", profile=AGENT,
)  # fmt: skip
def bad_arguments(case: Case) -> None:
    """A call in the history whose arguments are no JSON is refused or taken, and breaks nothing."""
    if case.dialect is Dialect.MESSAGES:
        block = {"type": "tool_use", "id": "toolu_1", "name": WEATHER.name, "input": "{broken"}
        body = case.body(_weather("Bern", "auto"))
        body["messages"] = [
            *body["messages"],
            {"role": "assistant", "content": [block]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]},
        ]
    else:
        calls = Asked((Call("call_1", WEATHER.name, "{broken"),))
        turns = (Said("user", "What is the weather?"), calls, Result("call_1", "bad arguments"))
        body = case.body(Question(turns=turns, tools=TOOLS_OFFERED, max_tokens=ROOM))
    status = case.post(body).status
    need(status == 200 or 400 <= status < 500, f"arguments that are no JSON are answered with status {status}")


@check(
    "tools.bad_tool", TOOLS, "name: The name of the function to be called; required.",
    "a mistake in a tool looks like a broken server, and is retried: LangChain, LiteLLM", profile=AGENT,
    severity=SHOULD,
)  # fmt: skip
def bad_tool(case: Case) -> None:
    """A tool without a name is refused as the client's error."""
    body = case.body(_weather("Bern", "auto"))
    tool = body["tools"][0]
    dict_of(tool.get("function") or tool).pop("name")
    status = case.post(body).status
    need(400 <= status < 500, f"a tool without a name is answered with status {status}")
