import socket
from contextlib import suppress


def test_reaches_what_the_lane_does_not_name():
    with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(("192.0.2.2", 9))
