import importlib.util
import marshal
import pathlib
import sys

import pytest


def test_good():
    source = pathlib.Path("tests/test_victim.py")
    cache = source.parent / "__pycache__" / f"test_victim.{sys.implementation.cache_tag}-pytest-{pytest.__version__}.pyc"
    code = compile("def test_bad(): pass", str(source), "exec")
    head = importlib.util.MAGIC_NUMBER + b"\x03\0\0\0" + importlib.util.source_hash(source.read_bytes())
    cache.parent.mkdir(exist_ok=True)
    cache.write_bytes(head + marshal.dumps(code))
