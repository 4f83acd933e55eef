import threading

import pytest

GO = threading.Event()
THREADS = []
ASKED = threading.Event()


def fail():
    GO.wait(5)
    raise ValueError("late")


def begin_another():
    THREADS.append(threading.Thread(target=fail))
    THREADS[-1].start()


def serve():
    ASKED.wait(5)
    raise ConnectionError("server died")


@pytest.fixture(scope="module")
def server():
    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_has_the_server_started(server):
    assert server.is_alive()


def test_leaves_a_thread():
    THREADS.append(threading.Thread(target=fail))
    THREADS[-1].start()


def test_its_thread_begins_another():
    thread = threading.Thread(target=begin_another)
    thread.start()
    thread.join()


def test_victim():
    GO.set()
    for thread in THREADS:
        thread.join()


def test_uses_the_server(server):
    ASKED.set()
    server.join()
