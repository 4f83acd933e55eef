"""What looks like something that no test caught, and was."""

import sys
import threading
import warnings

import pytest


async def never_awaited():
    return 1


def fail():
    raise ValueError("expected")


class Closing:
    def __del__(self):
        raise RuntimeError("expected")


class Warner:
    def __del__(self):
        warnings.warn("left open", ResourceWarning, stacklevel=2)


def in_a_thread():
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def test_own_hook(monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    in_a_thread()
    assert seen[0].exc_type is ValueError


def test_own_hook_for_finalizers(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(str(args.exc_value)))
    Closing()
    assert seen == ["expected"]


def test_forgotten_on_purpose():
    with pytest.warns(RuntimeWarning, match="never awaited"):
        never_awaited()


def test_closed():
    never_awaited().close()


def test_end_of_a_thread():
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_warning_of_a_finalizer():
    Warner()


@pytest.mark.leaks("shows what the hook of the interpreter prints")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_on_purpose():
    in_a_thread()
