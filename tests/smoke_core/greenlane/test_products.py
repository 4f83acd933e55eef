"""The harness names no product: neither its own gateway nor those of others, but where it says why."""

from __future__ import annotations

from pathlib import Path

from support.products import PRODUCT

HARNESS = Path(__file__).parents[3] / "src" / "greenlane"
ALLOWED = {
    "adopt/scaffold": "the example of a live provider that `init` writes; people replace it",
    "adopt/additions.py": "the same example",
    "config/lanes.py": "the keys of the router guard say whose format they speak of",
    "config/validate.py": "what is proposed where such a key is wrong",
    "environment/lock_file.py": "releases that are known to be compromised, by their name on the index",
    "ext/": "extensions are about something; the harness works without them",
    "judge/gates.py": "an example in a docstring",
}
"""Where a product is named, and why."""


def named() -> dict[str, set[str]]:
    """Return the products that each file of the harness names, by its path in the package."""
    files = [file for file in HARNESS.rglob("*") if file.is_file() and file.suffix in (".py", ".txt", ".js", ".css")]
    found = {str(file.relative_to(HARNESS)): set(PRODUCT.findall(file.read_text("utf-8"))) for file in sorted(files)}
    return {name: words for name, words in found.items() if words}


def test_the_harness_names_no_product() -> None:
    """Names, addresses and paths of a project are its configuration; the exceptions are listed, and no others."""
    found = named()
    assert found, "the search finds nothing at all"
    assert {name: words for name, words in found.items() if not name.startswith(tuple(ALLOWED))} == {}
    assert [place for place in ALLOWED if not any(name.startswith(place) for name in found)] == []
