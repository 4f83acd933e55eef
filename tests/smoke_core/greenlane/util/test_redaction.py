"""Secret values in artifacts."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import msgspec
import pytest

from greenlane.util.redaction import redact

SECRET = 'p"ä<&>\\s/1'


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(SECRET, id="plain"),
        pytest.param(json.dumps({"key": SECRET}), id="json-ascii"),
        pytest.param(msgspec.json.encode({"key": SECRET}).decode(), id="json-unicode"),
        pytest.param(f"<out>{escape(SECRET)}</out>", id="xml-text"),
        pytest.param(f"<out key={quoteattr(SECRET + chr(39))}/>", id="xml-attribute"),
        pytest.param(repr({"key": SECRET}), id="python"),
        pytest.param(f"GET /?key={quote(SECRET, safe='')}", id="address"),
        pytest.param(f"GET /?key={quote(SECRET, safe='').replace('%2F', '%2f').lower()}", id="address-in-lower-case"),
        pytest.param(f"GET /{quote(SECRET)}", id="path"),
    ],
)
def test_a_secret_is_taken_out_in_every_spelling(tmp_path: Path, written: str) -> None:
    """The value is gone, what stood around it is left, and the place is told without the value."""
    path = tmp_path / "sub" / "output.log"
    path.parent.mkdir()
    path.write_text(f"before {written} after", encoding="utf-8")

    found = redact(tmp_path, {"API_KEY": SECRET})

    text = path.read_text(encoding="utf-8")
    assert found == ["API_KEY in sub/output.log"]
    assert "[redacted]" in text
    assert "s/1" not in text
    assert "s%2f1" not in text.lower()
    assert text.startswith("before ")
    assert text.endswith(" after")


def test_a_secret_with_a_line_break_is_found_without_it(tmp_path: Path) -> None:
    """`export KEY="$(cat key)"` variants: clients strip what they send."""
    (tmp_path / "log").write_text("sent sk-12345 there")

    assert redact(tmp_path, {"KEY": "sk-12345\n"}) == ["KEY in log"]
    assert (tmp_path / "log").read_text() == "sent [redacted] there"


def test_each_long_line_of_a_secret_is_one(tmp_path: Path) -> None:
    """A private key is printed line by line; short lines of it stand in other texts, too."""
    key = "BEGIN\n" + "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + letter for letter in "abc") + "\nEND"
    (tmp_path / "log").write_text("log | MIIEvQIBADANBgkqhkiG9w0BAQEFAASCb\nBEGIN and END")

    assert redact(tmp_path, {"KEY": key}) == ["KEY in log"]
    assert (tmp_path / "log").read_text() == "log | [redacted]\nBEGIN and END"


def test_a_secret_within_another_leaves_no_rest(tmp_path: Path) -> None:
    """Both are told, and nothing of the longer one stays."""
    (tmp_path / "log").write_text("x token-extended y")

    assert redact(tmp_path, {"SHORT": "token", "LONG": "token-extended"}) == ["SHORT in log", "LONG in log"]
    assert (tmp_path / "log").read_text() == "x [redacted] y"


def test_files_without_a_secret_are_not_written(tmp_path: Path) -> None:
    """Not a byte, not a time."""
    path = tmp_path / "log"
    path.write_bytes(b"nothing \xff here")
    before = path.stat().st_mtime_ns

    assert redact(tmp_path, {"KEY": "sk-12345"}) == []
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (b"nothing \xff here", before)


@pytest.mark.parametrize("value", ["", "abc", "   a   "])
def test_values_that_stand_in_every_text_are_no_secrets(tmp_path: Path, value: str) -> None:
    """Redacting every `1` would destroy the evidence."""
    (tmp_path / "log").write_text("abc   a   ")

    assert redact(tmp_path, {"KEY": value}) == []
    assert (tmp_path / "log").read_text() == "abc   a   "


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link in the artifacts must not have a file elsewhere rewritten."""
    outside = tmp_path / "outside"
    outside.write_text("sk-12345")
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "link").symlink_to(outside)

    assert redact(folder, {"KEY": "sk-12345"}) == []
    assert outside.read_text() == "sk-12345"


def test_a_value_of_undecodable_bytes_is_found(tmp_path: Path) -> None:
    """The environment may carry any bytes."""
    (tmp_path / "log").write_bytes(b"x ab\xffcd y")

    assert redact(tmp_path, {"KEY": "ab\udcffcd"}) == ["KEY in log"]
    assert (tmp_path / "log").read_bytes() == b"x [redacted] y"
