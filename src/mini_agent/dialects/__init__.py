"""The protocols of callers and providers, as values: no clock, no file, no socket, no environment.

A request is read into one form (`request`), written in the provider's; an answer (`answer`) the other way. One table
says what becomes of each parameter (`parameters`). docs/dialects.md is made from it.
"""

from mini_agent.dialects.answer import Answer, Event, Failed, Finish, Reply, Usage
from mini_agent.dialects.errors import encode_error, error_of, read_error
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.parameters import PARAMETERS, Losses, Parameter
from mini_agent.dialects.request import Message, Request
from mini_agent.dialects.translation import CODECS, StreamTranslation, Translated, translate_answer, translate_request

__all__ = [
    "CODECS",
    "PARAMETERS",
    "Answer",
    "Dialect",
    "Event",
    "Failed",
    "Finish",
    "Losses",
    "Message",
    "Parameter",
    "Reply",
    "Request",
    "StreamTranslation",
    "Translated",
    "Usage",
    "encode_error",
    "error_of",
    "read_error",
    "translate_answer",
    "translate_request",
]
