"""What a model said while a lane ran, as far as the verdict tells of it."""

from __future__ import annotations

import msgspec


class ModelAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of one model in one check.

    Attributes:
        service: name of the service or live provider; model: the model, as the answers name it.
        tests: how many tests showed an answer of it; prompts: different ones; texts: different answers.
        tokens: that the answers say they cost, prompts not counted.
        generated: tokens that the model itself counted over the whole run; None where it counts none.
        prompt: one prompt, and text: what was answered to it, as the proof that a reader can see.
    """

    service: str
    model: str
    tests: int
    prompts: int
    texts: int
    tokens: int
    generated: int | None = None
    prompt: str = ""
    text: str = ""
