"""Plain answers of a wrong form."""

from __future__ import annotations

from mutants.change import drop, edit, put
from mutants.healthy import Exchange, Response
from mutants.mutant import Mutant, Seams, Thought


def _typed(kind: str) -> Seams:
    def seam(response: Response, _x: Exchange) -> Response:
        if response.events is None and response.status == 200:
            response.headers["content-type"] = kind
        return response

    return Seams(response=seam)


def _untyped(response: Response, _x: Exchange) -> Response:
    if response.events is None:
        del response.headers["content-type"]
    return response


def _silent(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(text="")


CHAT, MESSAGES, RESPONSES = ("chat",), ("messages",), ("responses",)

MUTANTS = (
    Mutant("no id", "plain.shape", drop("id")),
    Mutant("answer inside of `data`", "plain.shape", Seams(body=lambda body, _x: {"data": body})),
    Mutant("`object` of another kind", "plain.shape", put("text_completion", "object"), ("chat", "responses")),
    Mutant("`created` as a date in text", "plain.shape", put("2026-11-29", "created", "created_at"), CHAT),
    Mutant("no `created_at`", "plain.shape", drop("created_at"), RESPONSES),
    Mutant("no choices", "plain.shape", put([], "choices"), CHAT),
    Mutant("choice without an index", "plain.shape", drop("choices.0.index"), CHAT),
    Mutant("role missing", "plain.shape", drop("choices.0.message.role", "role", "output.0.role")),
    Mutant("role of the model is `bot`", "plain.shape", put("bot", "choices.0.message.role", "role", "output.0.role")),
    Mutant("text of chat as a list of parts", "plain.shape",
           edit(lambda text: [{"type": "text", "text": text}], "choices.0.message.content"), CHAT),
    Mutant("`text` of old completions in the place of the message", "plain.shape",
           edit(lambda choice: {"index": 0, "text": choice["message"]["content"], "finish_reason": "stop"},
                "choices.0"), CHAT),
    Mutant("blocks of content as text", "plain.shape", edit(lambda c: c[0]["text"], "content"), MESSAGES),
    Mutant("`type` of a message is `completion`", "plain.shape", put("completion", "type"), MESSAGES),
    Mutant("no reason of the end", "plain.shape", drop("choices.0.finish_reason", "stop_reason", "status")),
    Mutant("no `stop_sequence`", "plain.shape", drop("stop_sequence"), MESSAGES),
    Mutant("no usage in a message", "plain.shape", put(None, "usage"), MESSAGES),
    Mutant("text part of responses has the type of chat", "plain.shape", put("text", "output.0.content.0.type"),
           RESPONSES),
    Mutant("text part without annotations", "plain.shape", drop("output.0.content.0.annotations"), RESPONSES),
    Mutant("item without a status", "plain.shape", drop("output.0.status"), RESPONSES),
    Mutant("item without an id", "plain.shape", drop("output.0.id"), RESPONSES),
    Mutant("output is empty, the text stands beside it", "plain.shape",
           Seams(body=lambda body, _x: {**body, "output": [], "output_text": "Hello."}), RESPONSES),
    Mutant("an error beside a good answer", "plain.shape", put({"code": "x", "message": "x"}, "error"), RESPONSES),
    Mutant("every answer is empty", "plain.text", Seams(thought=_silent)),
    Mutant("every answer has the same id", "plain.ids", put("answer-1", "id")),
    Mutant("JSON that says it is text", "plain.kind", _typed("text/plain; charset=utf-8")),
    Mutant("JSON that says it is HTML", "plain.kind", _typed("text/html")),
    Mutant("JSON that does not say what it is", "plain.kind", Seams(response=_untyped)),
    Mutant("no model", "plain.model", drop("model")),
    Mutant("model is null", "plain.model", put(None, "model")),
)  # fmt: skip
