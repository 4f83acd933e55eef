import ctypes


def test_a():
    ctypes.string_at(0)
