import atexit
import socket
from contextlib import suppress


def late():
    with suppress(OSError):
        socket.create_connection(('192.0.2.1', 9), 1)


atexit.register(late)


def test_good():
    pass
