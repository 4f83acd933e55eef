import os
import signal


def test_good():
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pause()
        os._exit(0)
    os.waitpid(child, 0)
