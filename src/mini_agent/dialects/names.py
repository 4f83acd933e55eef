"""The three protocols that callers and providers speak."""

from __future__ import annotations

from enum import StrEnum


class Dialect(StrEnum):
    """A protocol. Its value is what `model_info.dialect` of a configuration says."""

    CHAT = "openai_chat"
    MESSAGES = "anthropic_messages"
    RESPONSES = "openai_responses"


#: How each is called in messages for people.
TITLES = {
    Dialect.CHAT: "OpenAI's Chat Completions",
    Dialect.MESSAGES: "Anthropic's Messages",
    Dialect.RESPONSES: "OpenAI's Responses",
}

#: The parameter that holds the conversation.
CONVERSATION = {Dialect.CHAT: "messages", Dialect.MESSAGES: "messages", Dialect.RESPONSES: "input"}
