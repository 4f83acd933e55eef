import socket
from contextlib import suppress

with suppress(OSError):
    socket.create_connection(('192.0.2.1', 9), 1)


def test_good():
    pass
