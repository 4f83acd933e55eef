import _socket
import asyncio
import ctypes
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from socket import socket as plain

import pytest

OUTSIDE = ("192.0.2.1", 9)


def test_connect():
    with suppress(OSError):
        socket.create_connection(OUTSIDE, 1)


def test_connect_ex():
    with plain() as client:
        with suppress(OSError):
            client.connect_ex(OUTSIDE)


def test_low_level():
    client = _socket.socket()
    with suppress(OSError):
        client.connect(OUTSIDE)
    client.close()


def test_udp():
    with plain(socket.AF_INET, socket.SOCK_DGRAM) as client, suppress(OSError):
        client.sendto(b"x", OUTSIDE)


def test_udp_message():
    with plain(socket.AF_INET, socket.SOCK_DGRAM) as client, suppress(OSError):
        client.sendmsg([b"x"], [], 0, OUTSIDE)


def test_ip6():
    with plain(socket.AF_INET6) as client, suppress(OSError):
        client.connect(("2001:db8::1", 9))


def test_look_up():
    with suppress(OSError):
        socket.getaddrinfo("example.com", 80)


def test_look_up_old():
    with suppress(OSError):
        socket.gethostbyname("example.com")


def test_look_up_address():
    with suppress(OSError):
        socket.gethostbyaddr("192.0.2.1")


def test_http():
    with suppress(OSError):
        urllib.request.urlopen("http://192.0.2.1/", timeout=1)


def test_async():
    async def go():
        with suppress(OSError):
            await asyncio.open_connection(*OUTSIDE)

    asyncio.run(go())


def test_thread():
    import threading

    def go():
        with suppress(OSError):
            socket.create_connection(OUTSIDE, 1)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()


def test_ctypes():
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        client = plain()
        libc.connect(client.fileno(), b"\x02\x00\x00\x09\xc0\x00\x02\x01" + bytes(8), 16)
        client.close()


def test_system_call():
    with plain() as client:
        address = b"\x02\x00\x00\x09\xc0\x00\x02\x01" + bytes(8)
        ctypes.CDLL(None).syscall(42, client.fileno(), address, 16)


def test_child():
    code = "import socket; socket.create_connection(('192.0.2.1', 9), 1)"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)


def test_child_udp():
    code = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('192.0.2.1', 9))"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)


def test_child_ip6():
    code = "import socket; s = socket.socket(socket.AF_INET6); s.connect(('2001:db8::1', 9))"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)


@pytest.fixture
def careless():
    yield
    with suppress(OSError):
        socket.create_connection(OUTSIDE, 1)


def test_teardown(careless):
    pass


@pytest.mark.xfail(reason="the network may be down")
def test_xfail():
    socket.create_connection(OUTSIDE, 1)


def test_skips():
    try:
        socket.create_connection(OUTSIDE, 1)
    except OSError:
        pytest.skip("no network")
