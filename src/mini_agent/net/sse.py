"""Incremental reader of server-sent events."""

from __future__ import annotations

from mini_agent.core.errors import InvalidProviderResponse

#: A provider that sends more than this without ending the event is not answering a chat.
MAX_EVENT_BYTES = 32 * 1024 * 1024

_PREFIX = b"data: "


class SseReader:
    """Splits a byte stream into event payloads, however the network cut it.

    Comments and fields other than `data` are dropped; several `data` lines of one event are joined by a newline.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0
        self._carriage_return = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes.

        Returns: the payloads of the events they complete.
        Raises: InvalidProviderResponse for an event above `MAX_EVENT_BYTES`.
        """
        if b"\r" in data or self._carriage_return:
            data = self._unix_lines(data)
        # The end of an event may be split between two reads, and nowhere else does old data matter: searching only
        # the seam and the new bytes keeps a huge event linear.
        if self._parts:
            seam = self._parts[-1][-1:] == b"\n" and data[:1] == b"\n"
            if not seam and b"\n\n" not in data:
                self._hold(data)
                return []
            self._parts.append(data)
            data = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
        if data.startswith(_PREFIX) and data.endswith(b"\n\n"):
            # Whole events of one line each, as nearly all reads are: the count of newlines proves it.
            payloads = data[6:-2].split(b"\n\ndata: ")
            if data.count(b"\n") == 2 * len(payloads):
                return payloads
        blocks = data.split(b"\n\n")
        rest = blocks.pop()
        if rest:
            self._hold(rest)
        payloads = []
        for block in blocks:
            if block.startswith(_PREFIX) and b"\n" not in block:
                payloads.append(block[6:])
            elif (payload := _payload(block)) is not None:
                payloads.append(payload)
        return payloads

    def finish(self) -> list[bytes]:
        """The stream ended. Returns: the payload of an event whose closing blank line is missing, if any."""
        block = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        payload = _payload(block)
        return [] if payload is None else [payload]

    def _hold(self, data: bytes) -> None:
        self._held += len(data)
        if self._held > MAX_EVENT_BYTES:
            raise InvalidProviderResponse("the provider sent an event that is too large")
        self._parts.append(data)

    def _unix_lines(self, data: bytes) -> bytes:
        """Turn CRLF and CR into LF; a CR at the very end waits for the next read."""
        if self._carriage_return:
            data = b"\r" + data
        self._carriage_return = data.endswith(b"\r")
        if self._carriage_return:
            data = data[:-1]
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _payload(block: bytes) -> bytes | None:
    values = []
    for line in block.split(b"\n"):
        if line.startswith(b"data:"):
            value = line[5:]
            values.append(value[1:] if value.startswith(b" ") else value)
    return b"\n".join(values) if values else None
