"""OpenAI's Responses: requests, answers and streams, read and written."""

from mini_agent.dialects.openai_responses.answer import decode_answer, encode_answer
from mini_agent.dialects.openai_responses.request_in import decode_request
from mini_agent.dialects.openai_responses.request_out import encode_messages, encode_request, encode_tool
from mini_agent.dialects.openai_responses.stream_in import StreamReader
from mini_agent.dialects.openai_responses.stream_out import StreamWriter

__all__ = [
    "StreamReader",
    "StreamWriter",
    "decode_answer",
    "decode_request",
    "encode_answer",
    "encode_messages",
    "encode_request",
    "encode_tool",
]
