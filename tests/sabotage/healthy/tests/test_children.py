"""Child processes, as honest projects start them."""

import os
import subprocess
import sys


def test_a_child():
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True)
    assert done.stdout == b"1\n"


def test_a_forked_child():
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_pytest_in_a_child(tmp_path):
    (tmp_path / "test_inner.py").write_text("def test_a(): pass\ndef test_b(): assert 0\n")
    command = [sys.executable, "-m", "pytest", "-q", "-k", "test_b", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"1 failed, 1 deselected" in done.stdout
