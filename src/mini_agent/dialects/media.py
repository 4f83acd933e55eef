"""Images and files as addresses: of the web, or data URLs."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import NamedTuple


class Data(NamedTuple):
    """What a data URL holds. base64: its content as text."""

    media_type: str
    base64: str


def data_url(media_type: str, base64: str) -> str:
    """Returns: the address of this content."""
    return f"data:{media_type};base64,{base64}"


def text_url(text: str) -> str:
    """Returns: the address of a plain text."""
    return data_url("text/plain", b64encode(text.encode("utf-8", "replace")).decode())


def split_data_url(url: str) -> Data | None:
    """Returns: the content of a data URL in base64, None for any other address."""
    if not url.startswith("data:"):
        return None
    head, comma, content = url[5:].partition(",")
    media_type, *options = head.split(";")
    if not comma or "base64" not in options:
        return None
    return Data(media_type or "text/plain", content)


def decoded_text(data: Data) -> str:
    """Returns: the text of a plain text file, what is no UTF-8 replaced. Raises: ValueError when it is no base64."""
    try:
        return b64decode(data.base64, validate=True).decode("utf-8", "replace")
    except binascii.Error as error:
        raise ValueError("the file is not valid base64") from error
