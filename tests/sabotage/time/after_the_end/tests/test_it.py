import atexit
import signal

atexit.register(signal.pause)


def test_good():
    pass
