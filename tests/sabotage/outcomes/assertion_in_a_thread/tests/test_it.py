import threading


def check():
    assert 1 == 2


def test_thread():
    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
