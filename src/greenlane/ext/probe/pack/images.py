"""Pictures: taken, read, and refused where they are none."""

from __future__ import annotations

import struct
import zlib

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need
from greenlane.ext.probe.pack.sources import IMAGES
from greenlane.ext.probe.values import FULL, SHOULD, Question, Shown, check

COLOURS = {"red": (230, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 230), "yellow": (240, 230, 20)}
SIDE = 32


def png(colour: tuple[int, int, int], side: int = SIDE) -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\x00" + bytes(colour) * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _question(picture: bytes) -> Question:
    text = f"Which colour has this picture: {', '.join(COLOURS)}? Answer with one word."
    return Question(turns=(Shown(text, picture),), max_tokens=16)


@check(
    "images.taken", IMAGES, "You can provide images as input by a Base64-encoded data URL.",
    "screenshots cannot be sent: Cline, computer-use agents, every chat with uploads", profile=FULL, severity=SHOULD,
)  # fmt: skip
def taken(case: Case) -> None:
    """A picture is taken."""
    answer = case.ask(_question(png(COLOURS["red"])))
    need(answer.text.strip(), "the answer to a picture is empty")


@check(
    "images.seen", IMAGES, "The model can answer questions about what is in the image.",
    "the picture is dropped silently and the model makes something up", profile=FULL, severity=SHOULD, sampled=True,
)  # fmt: skip
def seen(case: Case) -> None:
    """A picture is seen: the answer names its colour, and no other."""
    colour = case.random.choice(list(COLOURS))
    text = case.ask(_question(png(COLOURS[colour]))).text.lower()
    need(colour in text, f"the picture is {colour}, the answer {text[:60]!r}")


@check(
    "images.broken", IMAGES, "Supported file types: PNG, JPEG, WEBP, non-animated GIF.",
    "a bad upload looks like a broken server, and is retried for ever", profile=FULL, severity=SHOULD,
)  # fmt: skip
def broken(case: Case) -> None:
    """What is no picture is refused as the client's error."""
    status = case.post(case.body(_question(b"no picture at all"))).status
    need(400 <= status < 500, f"bytes that are no picture are answered with status {status}")
