import asyncio
import locale
import logging
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
import warnings

import agent_proxy

KEPT = []


def test_attribute():
    agent_proxy.HttpToolsInvoker = object


def test_attribute_of_a_class():
    agent_proxy.Client.timeout = None


def test_attribute_deleted():
    del agent_proxy.LIMIT


def test_container():
    agent_proxy.REGISTRY["fake"] = object


def test_environment():
    os.environ["LEFT"] = "behind"


def test_import_path():
    sys.path.insert(0, "/nowhere")


def test_modules():
    sys.modules["agent_fake"] = types.ModuleType("agent_fake")


def test_meta_path():
    sys.meta_path.append(type("Finder", (), {"find_spec": lambda *_: None})())


def test_working_directory():
    os.chdir(tempfile.gettempdir())


def test_umask():
    os.umask(0o027)


def test_log_level():
    logging.getLogger("agent_proxy").setLevel(logging.CRITICAL)


def test_log_disabled():
    logging.disable(logging.CRITICAL)


def test_signal():
    signal.signal(signal.SIGUSR1, lambda *_: None)


def test_locale():
    locale.setlocale(locale.LC_NUMERIC, "C.UTF-8" if locale.setlocale(locale.LC_NUMERIC) == "C" else "C")


def test_socket_timeout():
    socket.setdefaulttimeout(3)


def test_loop_policy():
    asyncio.set_event_loop_policy(type("Policy", (asyncio.DefaultEventLoopPolicy,), {})())


def test_thread():
    stop = threading.Event()
    KEPT.append(stop)
    threading.Thread(target=stop.wait, daemon=True).start()


def test_child():
    KEPT.append(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]))


def test_port():
    KEPT.append(socket.create_server(("127.0.0.1", 0)))


def test_file():
    pathlib.Path("left.txt").write_text("behind")
